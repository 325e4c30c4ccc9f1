/*
 * nacre-init: see nacre.h. It is started by a backend and takes no arguments; with --check it
 * only says whether each message it is given could be executed.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>

#include "nacre.h"

struct self self = {.section = HOST, .root = -1, .sync = -1, .pidfd = -1, .terminal = -1};
char detail[DETAIL_SIZE];

/* Lines of the report are written whole; nobody may be listening any more. */
void report(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vdprintf(REPORT, format, arguments);
  va_end(arguments);
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

/*
 * A process in a container can reach the binary of whoever entered it through /proc/PID/exe, and
 * overwrite it (CVE-2019-5736). So this one is executed once more through a read-only mount of
 * itself that has no place in any tree: no descriptor of it can ever be opened for writing. The
 * kernel's own guard, ETXTBSY, lasts only while the binary runs, and 6.11 had none.
 */
static bool protect_binary(char **argv) {
  extern char **environ;
  struct stat s;
  struct statvfs fs;
  int file = open("/proc/self/exe", O_PATH | O_CLOEXEC);
  if (file < 0 || fstat(file, &s) || fstatvfs(file, &fs)) return false;
  self.device = s.st_dev;
  self.inode = s.st_ino;
  if (!(fs.f_flag & ST_RDONLY) && strcmp(argv[0], "nacre-init")) {
    int tree = k_open_tree(file, "", AT_EMPTY_PATH);
    if (tree < 0) return errno == EPERM; /* who may not mount makes no container */
    if (set_attributes(tree, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0)) return false;
    argv[0] = "nacre-init";
    syscall(SYS_execveat, tree, "", argv, environ, AT_EMPTY_PATH);
    return false;
  }
  close(file);
  return fs.f_flag & ST_RDONLY;
}

static bool read_fully(void *to, size_t size) {
  for (size_t at = 0; at < size;) {
    ssize_t n = read(MESSAGE, (char *)to + at, size - at);
    if (n <= 0) return false;
    at += (size_t)n;
  }
  return true;
}

/* Maps the message's body: empty where the header is wrong or the end comes early. */
static bool read_message(struct cursor *message) {
  struct { char magic[8]; uint32_t size; } header;
  if (!read_fully(&header, 12) || memcmp(header.magic, "NACREPR1", 8)) return false;
  if (header.size == 0 || header.size > 256 << 20) return false;
  uint8_t *body = mmap(NULL, header.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (body == MAP_FAILED) return false;
  *message = (struct cursor){body, body + header.size};
  return read_fully(body, header.size);
}

static int check(void) {
  struct cursor message;
  struct program program;
  while (read_message(&message)) {
    report(read_program(message, &program) ? "valid\n" : "malformed\n");
    munmap((void *)message.at, (size_t)(message.end - message.at));
  }
  return 0;
}

/* The whole of it, once the program is read: host section, and process if there is one. */
static int run(const struct program *program, struct cursor message) {
  sigset_t most;
  sigfillset(&most); /* what comes from now on is forwarded, when there is somebody to get it */
  const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&most, faults[i]);
  sigprocmask(SIG_SETMASK, &most, NULL);
  signal(SIGPIPE, SIG_IGN);
  self.umask = umask(0);
  if (chdir("/") || (program->has_process && open_namespaces(program))) {
    report("failed clone 0 %d %s\n", errno, detail);
    return 125;
  }
  if (run_section(program->host, HOST)) {
    undo_all(NULL);
    return 125;
  }
  if (program->has_process) return supervise(program, message);
  report("done\n");
  return 0;
}

int main(int argc, char **argv) {
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* nobody traces it, whatever namespaces it joins */
  bool checking = argc == 2 && !strcmp(argv[1], "--check");
  if ((argc > 1 && !checking) || fcntl(MESSAGE, F_GETFD) < 0 || fcntl(REPORT, F_GETFD) < 0) {
    dprintf(2, "nacre-init executes programs that nacre gives it; see nacre --help\n");
    return 125;
  }
  if (checking) return check();
  for (int fd = 0; fd < 3; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) return 125;
  if (!protect_binary(argv)) {
    report("failed clone 0 %d nacre-init cannot be protected from containers\n", errno);
    return 125;
  }
  struct cursor message;
  struct program program;
  fcntl(MESSAGE, F_SETFD, FD_CLOEXEC);
  fcntl(REPORT, F_SETFD, FD_CLOEXEC);
  if (!read_message(&message) || !read_program(message, &program)) {
    report("malformed\n");
    return 125;
  }
  close(MESSAGE);
  return run(&program, message);
}
