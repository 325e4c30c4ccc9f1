/* The child: how it comes into being, and what only it can do to itself. */
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
#include <sys/wait.h>
#include <termios.h>

#include "nacre.h"
#include "operations.h"

enum { TERMINAL_OPENED = -2, BEFORE_SECTION = -3, WAITING = -4, ASKING = -5, MOST = 16 };
struct packet {
  int32_t index, error, code;
  char detail[DETAIL_SIZE];
};

/* Opened before anything happens, so that nothing can be swapped later. */
static struct { uint64_t kind; int fd; } joins[MOST];
static bool joined_before;
static int join_count, own_pids, tasks[MOST], task_count;

/* Field 22 of /proc/PID/stat; the name in field 2 may hold anything, so count after its end. */
uint64_t start_time(pid_t pid) {
  char line[1024];
  snprintf(line, sizeof line, "/proc/%d/stat", (int)pid);
  OWNED fd = open(line, O_RDONLY | O_CLOEXEC);
  ssize_t n = read(fd, line, sizeof line - 1);
  line[n < 0 ? 0 : n] = 0;
  char *at = strrchr(line, ')');
  for (int field = 2; at && field < 22; field++) at = strchr(at + 1, ' ');
  return at ? strtoull(at + 1, NULL, 10) : 0;
}

static int join_later(const struct argument *kind, int fd, const char *what) {
  if (fd < 0) return because("open %s", what);
  joins[join_count].kind = (uint64_t)word(kind, 0);
  joins[join_count++].fd = fd;
  return 0;
}

int open_namespaces(const struct program *p) {
  pid_t pid = (pid_t)word(&p->clone[JOIN_PID], 0);
  int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
  if (pid > 0 && join_later(&p->clone[JOIN_FLAGS], fd, "the process")) return -1;
  /* It is looked at before it is found alive: so it was it that was looked at. */
  bool same = pid <= 0 || start_time(pid) == (uint64_t)word(&p->clone[JOIN_START], 0);
  if (!same) errno = ESRCH;
  if (!same || (pid > 0 && k_pidfd_send_signal(fd, 0))) return because("process %d", (int)pid);
  uint32_t pairs;
  struct argument pair[2];
  struct cursor from = p->join_paths;
  for (take_number(&from, &pairs); pairs > 0 && take_arguments(&from, "ns", pair); pairs--)
    if (join_later(&pair[0], open(pair[1].data, O_RDONLY | O_CLOEXEC), pair[1].data)) return -1;
  own_pids = join_count ? open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC) : -1;
  return 0;
}

/* A pid namespace is joined by the parent, for its children; all others by the child, or before it. */
static int join(uint64_t kinds) {
  for (int i = 0; i < join_count; i++) {
    uint64_t kind = joins[i].kind & kinds, users = kind & CLONE_NEWUSER;
    /* Users last: who is in there may join nothing that others' users own. */
    if (kind & ~users && setns(joins[i].fd, (int)(kind & ~users))) return because("setns %#lx", (long)kind);
    if (users && setns(joins[i].fd, (int)users)) return because("setns %#lx", (long)users);
  }
  return 0;
}

/*
 * Cgroups of the child. On v2 it is born in one. On v1 it moves itself by writing 0 to `tasks`,
 * opened here with our credentials: only for a thread that moves itself does the kernel skip the
 * lock of all thread groups, whose taking waits for RCU (cgroup_procs_write_start, cgroup.c).
 */
static int open_cgroups(const struct program *p, struct clone_args *arguments) {
  struct statfs s;
  for (const char *path = NULL; (path = next_string(&p->clone[CGROUPS], path));) {
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 || fstatfs(directory, &s)) return because("open %s", path);
    if (s.f_type == CGROUP2_SUPER_MAGIC) {
      arguments->flags |= CLONE_INTO_CGROUP;
      arguments->cgroup = (uint64_t)directory;
      continue;
    }
    int fd = task_count < MOST ? openat(directory, "tasks", O_WRONLY | O_CLOEXEC) : -1;
    close(directory);
    if (fd < 0) return because("open %s/tasks", path);
    tasks[task_count++] = fd;
  }
  return 0;
}

static int leave_host(void) {
  for (int i = 0; i < task_count; i++)
    if (write(tasks[i], "0", 1) != 1) return because("joining cgroup %d", i);
  if (join_count == 0) return 0;
  if (!joined_before && join(~(uint64_t)CLONE_NEWPID)) return -1;
  return checked(self.root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), "open /");
}

ssize_t send_descriptor(int to, void *data, size_t size, int descriptor) {
  union { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr header; } control = {
    .header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
  struct iovec part = {data, size};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (descriptor >= 0) {
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    memcpy(CMSG_DATA(&control.header), &descriptor, sizeof(int));
  }
  return sendmsg(to, &message, MSG_NOSIGNAL);
}

void tell_parent(int index, int error, int descriptor) {
  struct packet packet = {.index = index, .error = error, .code = self.code};
  memcpy(packet.detail, detail, sizeof detail);
  send_descriptor(self.sync, &packet, sizeof packet, descriptor);
}

static _Noreturn void be_child(const struct program *p, const int streams[3]) {
  char go;
  for (int i = 0; i < 3; i++)
    if (streams[i] != i && dup2(streams[i], i) < 0) _exit(125);
  if (recv(self.sync, &go, 1, 0) != 1) _exit(125);
  *detail = 0;
  self.proc = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (leave_host() == 0 && run_section(p->child, CHILD)) _exit(125);
  if (!*detail) because("the section ends without execute");
  tell_parent(BEFORE_SECTION, errno, -1);
  _exit(125);
}

/*
 * New namespaces belong to the user namespace in which they are made (user_namespaces(7)). Where
 * that is one to join, a process goes there first and makes the child for its own parent; it
 * shares our descriptors, so that the child's pidfd is ours.
 */
static pid_t clone_there(struct clone_args *arguments) {
  int ends[2], made[3] = {-1, 0, -1};
  if (pipe2(ends, O_CLOEXEC)) return -1;
  pid_t helper = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
  if (helper == 0) {
    pid_t own = -1;
    /* Its own pid namespace stays ours: clone3 says the pid that the child has here. */
    if (join(CLONE_NEWPID) == 0 && join(~(uint64_t)CLONE_NEWPID) == 0) {
      arguments->flags |= CLONE_PARENT;
      arguments->exit_signal = 0;
      own = (pid_t)syscall(SYS_clone3, arguments, sizeof *arguments);
      if (own == 0) return 0;
    }
    int said[3] = {own, errno, self.pidfd};
    _exit(write(ends[1], said, sizeof said) != sizeof said);
  }
  OWNED from = ends[0], to = ends[1];
  ssize_t size = helper < 0 ? -1 : read(from, made, sizeof made);
  int error = size == sizeof made ? made[1] : helper < 0 ? errno : EIO;
  while (helper > 0 && waitpid(helper, NULL, 0) < 0 && errno == EINTR) continue;
  self.pidfd = made[2];
  errno = error;
  return made[0];
}

/* Whether a namespace that is made belongs to a user namespace that is joined, or one that is joined
   to another than the one that is made: who is in that could not join it any more. */
static bool is_made_there(uint64_t create) {
  bool user = (create & CLONE_NEWUSER) != 0 && join_count > 0;
  for (int i = 0; i < join_count; i++) user |= (joins[i].kind & CLONE_NEWUSER) != 0;
  return user && create;
}

int start_child(const struct program *p, const int streams[3]) {
  int pair[2];
  uint64_t create = (uint64_t)word(&p->clone[CREATE], 0);
  struct clone_args arguments = {.flags = CLONE_PIDFD | create, .exit_signal = SIGCHLD,
                                 .pidfd = (uint64_t)(uintptr_t)&self.pidfd};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) return because("socketpair");
  joined_before = is_made_there(create);
  if (open_cgroups(p, &arguments) || (!joined_before && join(CLONE_NEWPID))) return -1;
  if (joined_before) {
    self.child = clone_there(&arguments);
  } else self.child = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
  self.sync = pair[self.child == 0];
  close(pair[self.child != 0]);
  if (self.child == 0) be_child(p, streams);
  forget_listener();
  if (self.child < 0) return because("clone3");
  /* What this process starts later is of its own pid namespace. */
  if (join_count) setns(own_pids, CLONE_NEWPID), close(own_pids);
  for (int i = 0; i < join_count; i++) close(joins[i].fd);
  for (int i = 0; i < task_count; i++) close(tasks[i]);
  if (arguments.cgroup) close((int)arguments.cgroup);
  return 0;
}

static ssize_t receive(struct packet *packet) {
  union { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr header; } control;
  struct iovec part = {packet, sizeof *packet};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
                           .msg_controllen = sizeof control};
  ssize_t size = recvmsg(self.sync, &message, MSG_CMSG_CLOEXEC);
  if (size > 0 && CMSG_FIRSTHDR(&message)) memcpy(&self.terminal, CMSG_DATA(&control.header), sizeof(int));
  return size;
}

/* In the child: its parent carries out the operation at `index`, and says how that went, or that of
   one that follows it. */
int ask_parent(int *index) {
  struct packet packet = {0};
  *detail = 0;
  tell_parent(ASKING, *index, -1);
  errno = EPIPE;
  if (recv(self.sync, &packet, sizeof packet, 0) != sizeof packet) return because("the parent is gone");
  *index = packet.index;
  if (packet.error) memcpy(detail, packet.detail, sizeof detail);
  errno = packet.error;
  return packet.error ? -1 : 0;
}

static void answer(const struct program *p, int index) {
  int error = run_for_child(p->child, &index) < 0 ? errno : 0;
  if (error == 0) *detail = 0;
  tell_parent(index, error, -1);
}

/*
 * Somebody else asks for the start: whoever connects. What is told from then on, is told there.
 */
int await_start(void) {
  if (self.start < 0) return 0;
  tell_parent(WAITING, 0, -1);
  close(REPORT); /* who waits for its end is not to wait for ours */
  int connection;
  while ((connection = accept4(self.start, NULL, NULL, SOCK_CLOEXEC)) < 0 && errno == EINTR) continue;
  if (connection < 0) return because("accept");
  close(self.start);
  close(self.sync);
  self.sync = connection;
  return 0;
}

/* 0 when the child has executed or waits, -1 after the failure was reported. A signal that ends things ends it. */
int await_execution(const struct program *p, int signals) {
  for (bool executing = false;;) {
    struct packet packet = {0};
    struct signalfd_siginfo info;
    struct pollfd ready[2] = {{self.sync, POLLIN, 0}, {signals, POLLIN, 0}};
    poll(ready, 2, -1);
    while (ready[1].revents && read(signals, &info, sizeof info) == sizeof info)
      if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT || info.ssi_signo == SIGHUP ||
          info.ssi_signo == SIGALRM)
        k_pidfd_send_signal(self.pidfd, SIGKILL);
    if (!ready[0].revents) continue;
    if (receive(&packet) <= 0) {
      if (executing) return 0;
      report("failed clone 0 %d the child ended before it could execute\n", EINTR);
      return -1;
    }
    if (packet.index == WAITING) return 0;
    if (packet.index == ASKING) answer(p, packet.error);
    if (packet.index == ASKING) continue;
    if (packet.index == ABOUT_TO_EXECUTE) executing = true;
    if (packet.index == ABOUT_TO_EXECUTE || packet.index == TERMINAL_OPENED) continue;
    bool before = packet.index == BEFORE_SECTION;
    report("failed %s %d %d %.511s\n", before ? "clone" : "child", before ? 0 : packet.index,
           packet.error, packet.detail);
    return -1;
  }
}

/* The pty is the container's devpts' own; its slave is opened through the master, by no name. */
int open_terminal(const struct operation *o) {
  struct winsize size = {.ws_row = (unsigned short)number(o, OPEN_TERMINAL_ROWS),
                         .ws_col = (unsigned short)number(o, OPEN_TERMINAL_COLUMNS)};
  struct statfs s;
  uint64_t how = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  OWNED master = k_openat2(self.root, "/dev/pts/ptmx", O_RDWR | O_NOCTTY, how);
  if (master < 0 || fstatfs(master, &s)) return because("open /dev/pts/ptmx");
  errno = ENODEV;
  if (s.f_type != DEVPTS_SUPER_MAGIC) return because("/dev/pts is not devpts");
  if (ioctl(master, TIOCSPTLCK, &(int){0}) || ioctl(master, TIOCSWINSZ, &size)) return because("pty");
  OWNED slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  OWNED tree = slave < 0 ? -1 : k_open_tree(slave, "", AT_EMPTY_PATH);
  if (tree < 0) return because("pty");
  int late = (int)number(o, OPEN_TERMINAL_JOINS);
  OWNED console = late ? -1 : make_in_root("/dev/console", S_IFREG, 1);
  if (!late && (console < 0 || k_move_mount(tree, console, ""))) return because("mount at /dev/console");
  if (getsid(0) != getpid()) setsid();
  if (ioctl(slave, TIOCSCTTY, 0)) return because("TIOCSCTTY");
  for (int i = 0; i < 3; i++)
    if (dup2(slave, i) < 0) return because("dup2");
  tell_parent(TERMINAL_OPENED, 0, master);
  self.terminal = 1;
  return 0;
}

int bound_capabilities(const struct operation *o) {
  uint64_t kept = (uint64_t)number(o, BOUND_CAPABILITIES_BOUNDING);
  for (unsigned long c = 0; c < 64 && prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
    if (!(kept >> c & 1) && prctl(PR_CAPBSET_DROP, c, 0, 0, 0)) return because("capability %lu", c);
  return 0;
}

/* Pipes and the pty become the user's, so that it can open /dev/stdout again by its name. What is
   not of our user namespace stays whose it is. */
int set_user(const struct operation *o) {
  int setgroups(size_t count, const gid_t *groups);
  uid_t uid = (uid_t)number(o, SET_USER_UID);
  gid_t gid = (gid_t)number(o, SET_USER_GID);
  const struct argument *list = &o->argument[SET_USER_GROUPS];
  size_t count = list->size / 8;
  gid_t *groups = calloc(count + 1, sizeof *groups);
  for (size_t i = 0; groups && i < count; i++) groups[i] = (gid_t)word(list, i);
  struct statfs s;
  for (int fd = 0; fd < 3; fd++)
    if (fstatfs(fd, &s) == 0 && (s.f_type == PIPEFS_MAGIC || (self.terminal == 1 && isatty(fd))) &&
        fchown(fd, uid, (gid_t)-1) && errno != EPERM)
      return because("chown");
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)) return because("PR_SET_KEEPCAPS");
  bool keeps = number(o, SET_USER_KEEPS_GROUPS) != 0;
  if (!keeps && (!groups || setgroups(count, groups))) return because("setgroups");
  if (setresgid(gid, gid, gid)) return because("setresgid");
  return checked(setresuid(uid, uid, uid), "setresuid");
}

int set_capabilities(const struct operation *o) {
  uint64_t sets[4]; /* effective, permitted, inheritable, ambient: in the wire's order and capset's */
  for (int i = 0; i < 4; i++) sets[i] = (uint64_t)number(o, i);
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  for (int i = 0; i < 2; i++)
    data[i] = (struct __user_cap_data_struct){(uint32_t)(sets[0] >> 32 * i),
                                              (uint32_t)(sets[1] >> 32 * i),
                                              (uint32_t)(sets[2] >> 32 * i)};
  if (syscall(SYS_capset, &header, data)) return because("capset");
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)) return because("ambient");
  for (unsigned long c = 0; c < 64; c++)
    if (sets[3] >> c & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0))
      return because("ambient capability %lu", c);
  return 0;
}
