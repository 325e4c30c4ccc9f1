// The real side of the differential test: programs of system calls come in as lines, results go
// out as lines, many programs in one run. Each program has a mount, pid, uts, ipc and cgroup
// namespace of its own and a tmpfs as its whole tree, so that no name or number in it can mean
// anything of this machine.
//
//   interpreter DIRECTORY CGROUP PROBE
//
//   program            or `program cgroups`: with /cg/pids and /cg/cpu
//                      or `program probe`: with a program to execute, /p
//   0 mkdir /a 493     actor, call, arguments; %XX escapes, `%` alone is an empty string
//   run
//
// and for each step one line: `= VALUE`, an errno's name, or what became of the actor (`ended`,
// `stopped`, `absent`, `blocked`), then `done`.

#define _GNU_SOURCE
#include "actor.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define POLL_NS 2000000
#define BLOCKED_MS 3000

static struct { pid_t pid; int pidfd; } actors[ACTORS];
static const char *directory, *cgroup;
static char probe[65536];
static long probe_size;
static const char *const HIERARCHIES[] = {"pids", "cpu"};

static void must(int ok, const char *what) {
  if (ok) return;
  dprintf(2, "interpreter: %s: %s\n", what, strerror(errno));
  _exit(111);
}

// -- what a program starts with -------------------------------------------------------------------

static void path_in(char *path, size_t size, const char *hierarchy) {
  snprintf(path, size, "/sys/fs/cgroup/%s/%s", hierarchy, cgroup);
}

/** Binds the program's own cgroups, after it has come into them, and makes them its roots. */
static void enter_cgroups(void) {
  char from[512], to[600];
  must(mkdir("cg", 0755) == 0, "mkdir cg");
  for (int i = 0; i < 2; i++) {
    path_in(from, sizeof from, HIERARCHIES[i]);
    snprintf(to, sizeof to, "%s/cgroup.procs", from);
    int fd = open(to, O_WRONLY);
    must(fd >= 0 && write(fd, "0", 1) == 1, to);
    close(fd);
    snprintf(to, sizeof to, "cg/%s", HIERARCHIES[i]);
    must(mkdir(to, 0755) == 0, to);
    must(mount(from, to, NULL, MS_BIND, NULL) == 0, "bind cgroup");
  }
  must(unshare(CLONE_NEWCGROUP) == 0, "unshare cgroup");
}

/** The program that can be executed, which says whom it has become through descriptor 0. */
static void lay_out_probe(void) {
  int fd = open("p", O_WRONLY | O_CREAT, 0755), ends[2];
  must(fd >= 0 && write(fd, probe, (size_t)probe_size) == probe_size && close(fd) == 0, "probe");
  char path[64];
  must(pipe(ends) == 0, "pipe");
  snprintf(path, sizeof path, "proc/self/fd/%d", ends[0]);
  must((fd = open(path, O_RDWR | O_NONBLOCK)) >= 0 && dup2(fd, 0) == 0, path);
}

static void enter_tree(int cgroups, int probes) {
  must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private");
  must(mount("top", directory, "tmpfs", 0, "mode=755,size=1m,nr_inodes=256") == 0, "tmpfs");
  must(chdir(directory) == 0, "chdir");
  must(mkdir("proc", 0755) == 0, "mkdir proc");
  must(mount("proc", "proc", "proc", 0, NULL) == 0, "proc");
  if (cgroups) enter_cgroups();
  if (probes) lay_out_probe();
  must(syscall(SYS_pivot_root, ".", ".") == 0, "pivot_root");
  must(umount2(".", MNT_DETACH) == 0, "umount");
  must(chdir("/") == 0, "chdir /");
}

static void become_first(int cgroups, int probes) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  umask(0);
  enter_tree(cgroups, probes);
  umask(022);
  must(sethostname("first", 5) == 0 && setgroups(0, NULL) == 0 && setsid() == 1, "identity");
  struct rlimit files = {64, 64}, size = {100000, 200000}, core = {0, 1000};
  must(!setrlimit(RLIMIT_NOFILE, &files) && !setrlimit(RLIMIT_FSIZE, &size), "limits");
  must(!setrlimit(RLIMIT_CORE, &core), "limits");
  must(open("/null-will-not-be-there", O_RDONLY) < 0, "empty tree");
  syscall(SYS_close_range, 3, ~0U, 0);
  act(0);
}

// -- directing ------------------------------------------------------------------------------------

static int has_ended(int actor) {
  struct pollfd poll_one = {actors[actor].pidfd, POLLIN, 0};
  return poll(&poll_one, 1, 0) == 1;
}

/** State letter, and whether the process is on its way out, from /proc/PID/stat. */
static char state_of(pid_t pid, int *exiting) {
  char path[64], line[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  long got = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
  if (fd >= 0) close(fd);
  if (got <= 0) return 'X';
  line[got] = 0;
  char *after = strrchr(line, ')');
  unsigned long flags = 0;
  char state = 'X';
  sscanf(after + 2, "%c %*d %*d %*d %*d %*d %lu", &state, &flags);
  *exiting = (flags & 4) != 0; // PF_EXITING
  return state;
}

static uint64_t mask_of(const char *status, const char *name) {
  const char *at = strstr(status, name);
  return at ? strtoull(at + strlen(name), NULL, 16) : 0;
}

/** Whether nothing more happens to a process by itself: no signal is on its way to it. */
static int is_settled(int actor) {
  int exiting = 0;
  char state = state_of(actors[actor].pid, &exiting);
  if (state == 'X' || state == 'Z' || has_ended(actor)) return 1;
  if (exiting) return state == 'S'; // a namespace's init waits for zombies that are not its own
  if (state != 'S' && state != 'T') return 0;
  char path[64], status[4096];
  snprintf(path, sizeof path, "/proc/%d/status", actors[actor].pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  long got = fd < 0 ? 0 : read(fd, status, sizeof status - 1);
  if (fd >= 0) close(fd);
  status[got > 0 ? got : 0] = 0;
  uint64_t pending = mask_of(status, "SigPnd:\t") | mask_of(status, "ShdPnd:\t");
  pending &= ~mask_of(status, "SigBlk:\t");
  if (state == 'T') pending &= 1UL << (SIGKILL - 1) | 1UL << (SIGCONT - 1);
  return pending == 0;
}

static void settle(void) {
  for (int tries = 0; tries < 4000; tries++) {
    int settled = 1;
    for (int i = 0; i < ACTORS; i++)
      if (actors[i].pid && !is_settled(i)) settled = 0;
    if (settled) return;
    usleep(tries < 20 ? 50 : 500);
  }
}

/** The child that actor `parent` has made is that one of its children that is not known yet. */
static void meet(int parent, int child) {
  char path[64], line[1024];
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", actors[parent].pid, actors[parent].pid);
  FILE *file = fopen(path, "re");
  must(file != NULL, "children");
  line[0] = 0;
  if (!fgets(line, sizeof line, file)) line[0] = 0;
  fclose(file);
  for (char *at = line, *end;; at = end) {
    pid_t pid = (pid_t)strtol(at, &end, 10);
    if (end == at) return;
    int known = 0;
    for (int i = 0; i < ACTORS; i++) known |= actors[i].pid == pid;
    if (known) continue;
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0) return;
    actors[child].pid = pid;
    actors[child].pidfd = pidfd;
    for (int i = 0; i < 1000 && !slots[child].born && !has_ended(child); i++)
      wait_on(&slots[child].born, 0, POLL_NS);
    return;
  }
}

static int is_stopped(int actor) {
  int exiting;
  return state_of(actors[actor].pid, &exiting) == 'T';
}

/** Hands a step to its actor; what became of the actor if it gives no result. */
static const char *direct(uint32_t number) {
  int actor = steps[number - 1].actor;
  if (!actors[actor].pid) return "absent";
  if (has_ended(actor)) return "ended";
  if (is_stopped(actor)) return "stopped";
  struct slot *slot = &slots[actor];
  slot->command = number;
  wake(&slot->command);
  struct timespec start, now;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (;;) {
    uint32_t done = slot->done;
    if (done == number) return NULL;
    wait_on(&slot->done, done, POLL_NS);
    if (slot->done == number) return NULL;
    if (has_ended(actor)) return "ended";
    if (is_stopped(actor)) return slot->done == number ? NULL : "stopped";
    clock_gettime(CLOCK_MONOTONIC, &now);
    int exiting = 0;
    long elapsed = (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000;
    if (state_of(actors[actor].pid, &exiting) == 'S' && exiting) return "ended";
    if (elapsed > BLOCKED_MS) return "blocked";
  }
}

// -- lines ----------------------------------------------------------------------------------------

static void print_escaped(const char *text) {
  for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
    if (*at <= ' ' || *at == '%' || *at >= 127) printf("%%%02x", *at);
    else putchar(*at);
  }
}

static void print_result(uint32_t number, const char *instead) {
  struct slot *slot = &slots[steps[number - 1].actor];
  if (instead) printf("%s\n", instead);
  else if (slot->value < 0) printf("%s\n", strerrorname_np(slot->error));
  else if (slot->text[0]) { printf("= "); print_escaped(slot->text); printf("\n"); }
  else printf("= %ld\n", slot->value);
}

static void unescape(char *text) {
  char *to = text;
  for (char *at = text; *at; at++) {
    if (*at != '%') { *to++ = *at; continue; }
    if (!isxdigit((unsigned char)at[1])) continue;
    char hex[3] = {at[1], at[2], 0};
    *to++ = (char)strtol(hex, NULL, 16);
    at += 2;
  }
  *to = 0;
}

static void parse(char *line, struct step *step) {
  char *rest = line;
  step->actor = atoi(strsep(&rest, " "));
  step->count = 0;
  for (char *one; step->count < WORDS - 1 && (one = strsep(&rest, " "));) {
    unescape(one);
    step->words[step->count++] = strdup(one);
  }
  for (int i = step->count; i < WORDS; i++) step->words[i] = NULL;
}

// -- one program ----------------------------------------------------------------------------------

static void remove_below(const char *path) {
  DIR *list = opendir(path);
  if (!list) return;
  for (struct dirent *e; (e = readdir(list));) {
    if (e->d_type != DT_DIR || e->d_name[0] == '.') continue;
    char below[1024];
    snprintf(below, sizeof below, "%s/%s", path, e->d_name);
    remove_below(below);
    rmdir(below);
  }
  closedir(list);
}

static void each_cgroup(void (*what)(const char *)) {
  char path[512];
  for (int i = 0; i < 2; i++) {
    path_in(path, sizeof path, HIERARCHIES[i]);
    what(path);
  }
}

static void make(const char *path) { must(mkdir(path, 0755) == 0 || errno == EEXIST, path); }
static void take_away(const char *path) { remove_below(path); rmdir(path); }

static void run(uint32_t count, int cgroups, int probes) {
  memset(slots, 0, sizeof *slots * ACTORS);
  memset(actors, 0, sizeof actors);
  int flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_PIDFD | SIGCHLD;
  int pidfd = -1;
  fflush(stdout);
  if (cgroups) each_cgroup(make);
  pid_t first = (pid_t)syscall(SYS_clone, flags, 0, &pidfd, 0, 0);
  must(first >= 0, "clone");
  if (first == 0) become_first(cgroups, probes);
  actors[0].pid = first;
  actors[0].pidfd = pidfd;
  while (!slots[0].born && !has_ended(0)) wait_on(&slots[0].born, 0, POLL_NS);
  for (uint32_t number = 1; number <= count; number++) {
    const struct step *step = &steps[number - 1];
    const char *instead = direct(number);
    const char *name = step->words[0];
    int made = !instead && !strcmp(name, "clone") && slots[step->actor].value > 0;
    if (made) meet(step->actor, atoi(step->words[1]));
    if (instead || !strcmp(name, "kill") || !strcmp(name, "exit")) settle();
    print_result(number, instead);
  }
  kill(first, SIGKILL);
  waitpid(first, NULL, 0);
  for (int i = 0; i < ACTORS; i++) if (actors[i].pid) close(actors[i].pidfd);
  if (cgroups) each_cgroup(take_away);
  for (uint32_t i = 0; i < count; i++)
    for (int j = 0; j < steps[i].count; j++) free(steps[i].words[j]);
  printf("done\n");
}

int main(int argc, char **argv) {
  must(argc == 4, "usage: interpreter DIRECTORY CGROUP PROBE");
  directory = argv[1];
  cgroup = argv[2];
  int file = open(argv[3], O_RDONLY | O_CLOEXEC);
  probe_size = file < 0 ? -1 : read(file, probe, sizeof probe);
  must(probe_size > 0 && probe_size < (long)sizeof probe, argv[3]);
  slots = mmap(NULL, sizeof *slots * ACTORS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  must(slots != MAP_FAILED, "mmap");
  char *line = NULL;
  size_t room = 0;
  uint32_t count = 0;
  int cgroups = 0, probes = 0;
  for (long got; (got = getline(&line, &room, stdin)) > 0;) {
    if (line[got - 1] == '\n') line[got - 1] = 0;
    if (!strncmp(line, "program", 7)) {
      count = 0;
      cgroups = strstr(line, "cgroups") != NULL;
      probes = strstr(line, "probe") != NULL;
    } else if (!strcmp(line, "run")) {
      run(count, cgroups, probes);
      fflush(stdout);
    } else if (count < STEPS) parse(line, &steps[count++]);
  }
  return 0;
}
