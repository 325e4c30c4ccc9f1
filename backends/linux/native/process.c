/* The child: how it comes into being, what only it can do to itself, and execve(2). */
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <termios.h>

#include "nacre.h"
#include "operations.h"

enum { ABOUT_TO_EXECUTE = -1, TERMINAL_OPENED = -2 };
struct packet {
  int32_t index, error;
  char detail[DETAIL_SIZE];
};

/* Namespaces to join: opened before anything happens, so that nothing can be swapped later. */
static struct { uint64_t kind; int fd; } joins[10];
static int join_count, own_pids = -1;

/* Field 22 of /proc/PID/stat; the name in field 2 may hold anything, so count after its end. */
uint64_t start_time(pid_t pid) {
  char line[1024];
  snprintf(line, sizeof line, "/proc/%d/stat", (int)pid);
  int fd = open(line, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
  if (fd >= 0) close(fd);
  line[n < 0 ? 0 : n] = 0;
  char *at = strrchr(line, ')');
  for (int field = 2; at && field < 22; field++) at = strchr(at + 1, ' ');
  return at ? strtoull(at + 1, NULL, 10) : 0;
}

int open_namespaces(const struct program *p) {
  pid_t pid = (pid_t)word(&p->clone[JOIN_PID], 0);
  if (pid > 0) {
    int fd = k_pidfd_open(pid);
    if (fd < 0) return because("pidfd_open %d", (int)pid);
    bool same = start_time(pid) == (uint64_t)word(&p->clone[JOIN_START], 0);
    if (!same || k_pidfd_signal(fd, 0)) { /* alive now: so it was it that was looked at */
      errno = ESRCH;
      return because("process %d", (int)pid);
    }
    joins[join_count].kind = (uint64_t)word(&p->clone[JOIN_FLAGS], 0);
    joins[join_count++].fd = fd;
  }
  struct cursor from = p->join_paths;
  uint32_t pairs;
  take_number(&from, &pairs);
  struct argument kind, path;
  for (uint32_t i = 0; i < pairs; i++) {
    if (!take_argument(&from, 'n', &kind) || !take_argument(&from, 's', &path)) return -1;
    int fd = open(path.data, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return because("open %s", path.data);
    joins[join_count].kind = (uint64_t)word(&kind, 0);
    joins[join_count++].fd = fd;
  }
  own_pids = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
  return 0;
}

/* A pid namespace is joined by the parent, for its children; all others by the child. */
static int join(bool pids) {
  for (int i = 0; i < join_count; i++) {
    uint64_t kind = joins[i].kind & (pids ? CLONE_NEWPID : ~(uint64_t)CLONE_NEWPID);
    if (kind && setns(joins[i].fd, (int)kind)) return because("setns %#lx", (long)kind);
  }
  return 0;
}

void tell_parent(int index, int error, int descriptor) {
  struct packet packet = {.index = index, .error = error};
  snprintf(packet.detail, sizeof packet.detail, "%s", detail);
  union { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control = {0};
  struct iovec part = {&packet, offsetof(struct packet, detail) + strlen(packet.detail) + 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (descriptor >= 0) {
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
  }
  sendmsg(self.sync, &message, MSG_NOSIGNAL);
}

/*
 * Cgroups of the child. On v2 it is born in one. On v1 it moves itself by writing 0 to `tasks`,
 * opened here with our credentials: only for a thread that moves itself does the kernel skip the
 * lock of all thread groups, whose taking waits for RCU (cgroup_procs_write_start, cgroup.c).
 */
static int tasks[16], task_count;

static int open_cgroups(const struct program *p, struct clone_args *arguments) {
  struct statfs s;
  for (const char *path = NULL; (path = next_string(&p->clone[CLONE_CGROUPS], path));) {
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 || fstatfs(directory, &s)) return because("open %s", path);
    if (s.f_type == CGROUP2_SUPER_MAGIC) {
      arguments->flags |= CLONE_INTO_CGROUP;
      arguments->cgroup = (uint64_t)directory;
      continue;
    }
    int fd = openat(directory, "tasks", O_WRONLY | O_CLOEXEC);
    close(directory);
    if (fd < 0) return because("open %s/tasks", path);
    if (task_count == sizeof tasks / sizeof *tasks) {
      errno = E2BIG;
      return because("too many cgroups");
    }
    tasks[task_count++] = fd;
  }
  return 0;
}

static int enter_cgroups(void) {
  for (int i = 0; i < task_count; i++)
    if (write(tasks[i], "0", 1) != 1) return because("joining cgroup %d", i);
  return 0;
}

static _Noreturn void be_child(const struct program *p, const int streams[3]) {
  char go;
  for (int i = 0; i < 3; i++)
    if (streams[i] != i && dup2(streams[i], i) < 0) _exit(125);
  if (recv(self.sync, &go, 1, 0) != 1) _exit(125);
  *detail = 0;
  if (enter_cgroups() || join(false) || (join_count && open_current_root())) {
    tell_parent(INT_MAX, errno, -1);
    _exit(125);
  }
  if (run_section(p->child, CHILD) == 0) {
    errno = EINVAL;
    because("the section ends without execute");
    tell_parent(INT_MAX, errno, -1);
  }
  _exit(125);
}

int start_child(const struct program *p, const int streams[3]) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) return because("socketpair");
  struct clone_args arguments = {
    .flags = CLONE_PIDFD | (uint64_t)word(&p->clone[CLONE_CREATE], 0),
    .pidfd = (uint64_t)(uintptr_t)&self.pidfd,
    .exit_signal = SIGCHLD,
  };
  if (open_cgroups(p, &arguments) || join(true)) return -1;
  int pid = k_clone3(&arguments);
  if (pid < 0) because("clone3");
  if (pid == 0) {
    self.sync = pair[1];
    close(pair[0]);
    be_child(p, streams);
  }
  int error = errno;
  close(pair[1]);
  if (own_pids >= 0) setns(own_pids, CLONE_NEWPID); /* what this process starts later is ours */
  close(own_pids);
  for (int i = 0; i < join_count; i++) close(joins[i].fd);
  for (int i = 0; i < task_count; i++) close(tasks[i]);
  if (arguments.cgroup) close((int)arguments.cgroup);
  self.sync = pair[0];
  self.child = pid;
  errno = error;
  return pid < 0 ? -1 : 0;
}

/* Keeps the pty's master, and a slave, without which the master reports an end too early. */
static void receive_terminal(struct msghdr *message) {
  struct cmsghdr *header = CMSG_FIRSTHDR(message);
  if (header && header->cmsg_type == SCM_RIGHTS) memcpy(&self.terminal, CMSG_DATA(header), sizeof(int));
}

/* 0 when execve(2) has happened; -1 after the failure was reported. Signals that end things end it. */
int await_execution(int signals) {
  bool executing = false;
  for (;;) {
    struct pollfd ready[2] = {{self.sync, POLLIN, 0}, {signals, POLLIN, 0}};
    poll(ready, 2, -1);
    if (ready[1].revents) {
      struct signalfd_siginfo info;
      if (read(signals, &info, sizeof info) == sizeof info &&
          (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT || info.ssi_signo == SIGHUP ||
           info.ssi_signo == SIGQUIT))
        k_pidfd_signal(self.pidfd, SIGKILL);
    }
    if (!ready[0].revents) continue;
    struct packet packet = {0};
    union { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control;
    struct iovec part = {&packet, sizeof packet};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t size = recvmsg(self.sync, &message, MSG_CMSG_CLOEXEC);
    if (size <= 0 && executing) return 0;
    if (size <= 0) report("failed clone 0 %d the child ended before it could execute\n", EINTR);
    if (size <= 0) return -1;
    if (packet.index == ABOUT_TO_EXECUTE) executing = true;
    else if (packet.index == TERMINAL_OPENED) receive_terminal(&message);
    else {
      bool joining = packet.index == INT_MAX;
      packet.detail[DETAIL_SIZE - 1] = 0;
      report("failed %s %d %d %s\n", joining ? "clone" : "child", joining ? 0 : packet.index,
             packet.error, packet.detail);
      return -1;
    }
  }
}

/* The pty is the container's devpts' own, its slave is opened through the master, by no name. */
int open_terminal(const struct operation *o) {
  struct winsize size = {.ws_row = (unsigned short)number(o, OPEN_TERMINAL_ROWS),
                         .ws_col = (unsigned short)number(o, OPEN_TERMINAL_COLUMNS)};
  struct statfs s;
  int unlocked = 0;
  int master = k_openat2(self.root, "/dev/pts/ptmx", O_RDWR | O_NOCTTY,
                         RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
  if (master < 0) return because("open /dev/pts/ptmx");
  if (fstatfs(master, &s) || s.f_type != DEVPTS_SUPER_MAGIC) {
    errno = ENODEV;
    return because("/dev/pts is not devpts");
  }
  if (ioctl(master, TIOCSPTLCK, &unlocked) || ioctl(master, TIOCSWINSZ, &size))
    return because("pty");
  int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) return because("TIOCGPTPEER");
  int tree = k_open_tree(slave, "", AT_EMPTY_PATH);
  if (tree < 0) return because("open_tree of the pty");
  int console = make_in_root("/dev/console", S_IFREG, 1);
  if (attach(tree, console, "/dev/console")) return -1;
  if (getsid(0) != getpid() && setsid() < 0) return because("setsid");
  if (ioctl(slave, TIOCSCTTY, 0)) return because("TIOCSCTTY");
  for (int i = 0; i < 3; i++)
    if (dup2(slave, i) < 0) return because("dup2");
  tell_parent(TERMINAL_OPENED, 0, master);
  close(slave);
  close(master);
  self.own_terminal = true;
  return 0;
}

int bound_capabilities(const struct operation *o) {
  uint64_t kept = (uint64_t)number(o, BOUND_CAPABILITIES_BOUNDING);
  for (unsigned long c = 0; c < 64 && prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
    if (!(kept >> c & 1) && prctl(PR_CAPBSET_DROP, c, 0, 0, 0))
      return because("PR_CAPBSET_DROP %lu", c);
  return 0;
}

/* Pipes and the pty belong to the user, so that it can open /dev/stdout again by its name. */
static void give_streams(uid_t uid) {
  struct statfs s;
  for (int fd = 0; fd < 3; fd++) {
    if (fstatfs(fd, &s)) continue;
    bool pty = self.own_terminal && s.f_type == DEVPTS_SUPER_MAGIC;
    if ((pty || s.f_type == PIPEFS_MAGIC) && fchown(fd, uid, (gid_t)-1)) continue;
  }
}

int set_user(const struct operation *o) {
  uid_t uid = (uid_t)number(o, SET_USER_UID);
  gid_t gid = (gid_t)number(o, SET_USER_GID), groups[NGROUPS_MAX > 1024 ? 1024 : NGROUPS_MAX];
  size_t count = o->argument[SET_USER_GROUPS].size / 8;
  if (count > sizeof groups / sizeof *groups) {
    errno = EINVAL;
    return because("%zu groups", count);
  }
  for (size_t i = 0; i < count; i++) groups[i] = (gid_t)word(&o->argument[SET_USER_GROUPS], i);
  give_streams(uid);
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)) return because("PR_SET_KEEPCAPS");
  if (setgroups(count, groups)) return because("setgroups");
  if (setresgid(gid, gid, gid)) return because("setresgid");
  return setresuid(uid, uid, uid) ? because("setresuid") : 0;
}

int set_capabilities(const struct operation *o) {
  uint64_t ambient = (uint64_t)number(o, SET_CAPABILITIES_AMBIENT);
  uint64_t e = (uint64_t)number(o, SET_CAPABILITIES_EFFECTIVE);
  uint64_t p = (uint64_t)number(o, SET_CAPABILITIES_PERMITTED);
  uint64_t i = (uint64_t)number(o, SET_CAPABILITIES_INHERITABLE);
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {
    {(uint32_t)e, (uint32_t)p, (uint32_t)i},
    {(uint32_t)(e >> 32), (uint32_t)(p >> 32), (uint32_t)(i >> 32)},
  };
  if (syscall(SYS_capset, &header, data)) return because("capset");
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)) return because("ambient");
  for (unsigned long c = 0; c < 64; c++)
    if (ambient >> c & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0))
      return because("ambient capability %lu", c);
  return 0;
}

/* nacre-init is no program of a container, by whatever name it is reached (CVE-2019-5736). */
static bool is_own_binary(const char *path) {
  struct stat s;
  return stat(path, &s) == 0 && s.st_dev == self.device && s.st_ino == self.inode;
}

static int try_to_execute(const char *path, char **arguments, char **environment) {
  if (is_own_binary(path)) errno = EACCES;
  else execve(path, arguments, environment);
  return errno;
}

/* As execvp(3), but for the PATH of the new environment and without a shell for what has no magic. */
static int search(char **arguments, char **environment) {
  const char *name = arguments[0], *path = NULL;
  if (strchr(name, '/') || !*name) return try_to_execute(name, arguments, environment);
  for (char **e = environment; e && *e; e++)
    if (!strncmp(*e, "PATH=", 5)) path = *e + 5;
  int error = ENOENT;
  for (size_t length; path; path = path[length] ? path + length + 1 : NULL) {
    char full[PATH_MAX];
    length = strcspn(path, ":");
    const char *directory = length ? path : ".";
    int size = snprintf(full, sizeof full, "%.*s/%s", length ? (int)length : 1, directory, name);
    if (size >= (int)sizeof full) continue;
    int now = try_to_execute(full, arguments, environment);
    if (now == EACCES) error = now;
    else if (now != ENOENT && now != ENOTDIR) return now;
  }
  return error;
}

int execute(const struct operation *o) {
  char *nothing[] = {NULL};
  char **arguments = string_list(&o->argument[EXECUTE_ARGUMENTS]);
  char **environment = string_list(&o->argument[EXECUTE_ENVIRONMENT]);
  if (!arguments) {
    errno = EINVAL;
    return because("no command");
  }
  if (k_close_range(3, CLOSE_RANGE_CLOEXEC)) return because("close_range");
  struct sigaction standard = {.sa_handler = SIG_DFL};
  sigset_t none;
  sigemptyset(&none);
  for (int number = 1; number < NSIG; number++) sigaction(number, &standard, NULL);
  umask(self.umask);
  tell_parent(ABOUT_TO_EXECUTE, 0, -1);
  sigprocmask(SIG_SETMASK, &none, NULL);
  errno = search(arguments, environment ? environment : nothing);
  return because("%s", arguments[0]);
}
