/* nacre-init takes no arguments; with --check it only says whether messages could be executed, with --init PID it stays as a container's init, with --unprivileged PROGRAM it makes a user root of a namespace. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "nacre.h"
#include "operations.h"
#include "rootless.h"

struct self self = {.section = HOST, .root = -1, .sync = -1, .pidfd = -1, .terminal = -1,
                     .proc = -1, .start = -1, .listener = -1};
char detail[DETAIL_SIZE];
static struct stat own_binary;

int report(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int result = vdprintf(REPORT, format, arguments);
  va_end(arguments);
  return result;
}

/* Says what of an operation failed, in one line, unless something deeper has said it already. */
int because(const char *format, ...) {
  int error = errno;
  va_list arguments;
  va_start(arguments, format);
  if (!*detail) vsnprintf(detail, sizeof detail, format, arguments);
  va_end(arguments);
  for (char *c = detail; *c; c++)
    if ((unsigned char)*c < ' ') *c = ' ';
  errno = error;
  return -1;
}

/* nacre-init is no program of a container, by whatever name it is reached. */
bool is_own_binary(const char *path) {
  struct stat s;
  return stat(path, &s) == 0 && s.st_dev == own_binary.st_dev && s.st_ino == own_binary.st_ino;
}

/*
 * A process in a container can reach the binary of whoever joins it through /proc/PID/exe, and
 * overwrite it (CVE-2019-5736). So before joining, this one is executed once more through a
 * read-only mount of itself that has no place in any tree: no descriptor of it can ever be opened
 * for writing. The kernel's own guard, ETXTBSY, lasts only while a binary runs, and 6.11 had none.
 * Who is first in a new pid namespace is seen by nobody in there, unless it waits to be started or
 * stays as its init.
 */
static int protect_binary(const struct program *p, struct cursor body, char **argv) {
  extern char **environ;
  OWNED file = open("/proc/self/exe", O_PATH | O_CLOEXEC);
  if (file < 0 || fstat(file, &own_binary)) return because("open /proc/self/exe");
  if (!p->has_process || !*argv[0]) return 0;
  bool seen = *p->supervision[START_PATH].data || has_operation(p->child, OP_STAY_AS_INIT);
  if (word(&p->clone[CREATE], 0) & CLONE_NEWPID && !seen) return 0;
  OWNED tree = k_open_tree(file, "", AT_EMPTY_PATH);
  if (tree < 0) return because("open_tree /proc/self/exe");
  if (set_attributes(tree, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0)) return -1;
  int again = memfd_create("program", 0); /* the message, to be read once more */
  const char *whole = (const char *)body.at - HEADER;
  if (again < 0 || write_fully(again, whole, (size_t)(body.end - body.at) + HEADER)) return -1;
  lseek(again, 0, SEEK_SET);
  dup2(again, MESSAGE);
  close(again);
  argv[0] = ""; /* so that it knows */
  return checked(syscall(SYS_execveat, tree, "", argv, environ, AT_EMPTY_PATH), "execveat");
}

/* Maps the whole message and gives its body. */
static bool read_message(struct cursor *body) {
  char header[HEADER];
  uint32_t size;
  if (read_to_end(MESSAGE, header, HEADER) < HEADER || memcmp(header, "NACREPR1", 8)) return false;
  memcpy(&size, header + 8, 4);
  if (size == 0 || size > 256 << 20) return false;
  uint8_t *at = mmap(NULL, size + HEADER, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return false;
  memcpy(at, header, HEADER);
  *body = (struct cursor){at + HEADER, at + HEADER + size};
  return read_to_end(MESSAGE, (char *)at + HEADER, size) == size;
}

static int check(void) {
  struct cursor body;
  struct program program;
  while (read_message(&body)) {
    report(read_program(body, &program) ? "valid\n" : "malformed\n");
    munmap((void *)(body.at - HEADER), (size_t)(body.end - body.at) + HEADER);
  }
  return 0;
}

static int run_program(const struct program *program, struct cursor body, char **argv) {
  sigset_t most;
  sigfillset(&most); /* what comes from now on is forwarded, when there is somebody to get it */
  const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&most, faults[i]);
  sigprocmask(SIG_SETMASK, &most, NULL);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, SIG_DFL); /* a caller that ignores it would have our child reaped unseen */
  if (protect_binary(program, body, argv) || (program->has_process && open_namespaces(program))) {
    report("failed clone 0 %d %s\n", errno, detail);
    return 125;
  }
  fcntl(REPORT, F_SETFD, FD_CLOEXEC);
  close(MESSAGE);
  self.umask = umask(0);
  if (program->has_process) self.given = (int)word(&program->supervision[DESCRIPTORS], 0);
  if (chdir("/") || run_section(program->host, HOST)) {
    undo_all(NULL);
    return 125;
  }
  if (program->has_process) return supervise(program, body);
  forget_shares();
  report("done\n");
  return 0;
}

int main(int argc, char **argv) {
  struct cursor body;
  struct program program;
  if (argc > 2 && !strcmp(argv[1], "--unprivileged")) return run_unprivileged(argv + 2);
  if (argc == 3 && !strcmp(argv[1], "--init")) return be_init(atoi(argv[2]));
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* nobody traces it, whatever namespaces it joins */
  for (int fd = 0; fd < 3; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) return 125;
  if (fcntl(MESSAGE, F_GETFD) < 0 || fcntl(REPORT, F_GETFD) < 0) {
    dprintf(2, "nacre-init executes programs that nacre gives it; see nacre --help\n");
    return 125;
  }
  if (argc == 2 && !strcmp(argv[1], "--check")) return check();
  if (read_message(&body) && read_program(body, &program)) return run_program(&program, body, argv);
  report("malformed\n");
  return 125;
}
