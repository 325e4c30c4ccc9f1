// One process of a program: it makes the system call of each step that it is given and says what
// came of it. Nothing is decided here.

#define _GNU_SOURCE
#include "actor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

struct slot *slots;
struct step steps[STEPS];

static int self;
static char *text; // where a result goes that is more than a number
static char **word;

#define S(i) (word[i])
#define N(i) strtol(word[i], NULL, 10)
#define U(i) strtoull(word[i], NULL, 10)

void wait_on(_Atomic uint32_t *at, uint32_t seen, long nanoseconds) {
  struct timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  syscall(SYS_futex, at, FUTEX_WAIT, seen, nanoseconds ? &limit : NULL, NULL, 0);
}

void wake(_Atomic uint32_t *at) { syscall(SYS_futex, at, FUTEX_WAKE, 64, NULL, NULL, 0); }

__attribute__((format(printf, 1, 2))) static long say(const char *format, ...) {
  va_list list;
  va_start(list, format);
  size_t used = strlen(text);
  vsnprintf(text + used, OUTPUT - used, format, list);
  va_end(list);
  return 0;
}

// -- files ----------------------------------------------------------------------------------------

static long do_read(void) {
  long got = read((int)N(1), text, N(2) < OUTPUT ? N(2) : OUTPUT - 1);
  text[got > 0 ? got : 0] = 0;
  if (got == 0) say("(end)");
  return got;
}

static long do_get(void) {
  int fd = open(S(1), O_RDONLY | O_NONBLOCK);
  if (fd < 0) return -1;
  long used = 0, got = 0;
  while (used < OUTPUT - 1 && (got = read(fd, text + used, OUTPUT - 1 - used)) > 0) used += got;
  text[used] = 0;
  int error = errno;
  close(fd);
  errno = error;
  if (got >= 0 && used == 0) say("(empty)");
  return got < 0 ? (text[0] = 0, -1) : 0;
}

static long do_put(void) {
  int fd = open(S(1), O_WRONLY | O_NONBLOCK);
  if (fd < 0) return -1;
  long put = write(fd, S(2), strlen(S(2)));
  int error = errno;
  close(fd);
  errno = error;
  return put;
}

static long show(const struct stat *s) {
  say("%o %u:%u", s->st_mode, s->st_uid, s->st_gid);
  if (!S_ISDIR(s->st_mode)) say(" links %lu", (unsigned long)s->st_nlink);
  if (S_ISREG(s->st_mode) || S_ISLNK(s->st_mode)) say(" size %ld", (long)s->st_size);
  if (S_ISCHR(s->st_mode)) say(" device %lu", (unsigned long)s->st_rdev);
  if (s->st_mtime < 2000) say(" at %ld", (long)s->st_mtime);
  return 0;
}

static long do_stat(void) { struct stat s; return stat(S(1), &s) ? -1 : show(&s); }
static long do_lstat(void) { struct stat s; return lstat(S(1), &s) ? -1 : show(&s); }
static long do_fstat(void) { struct stat s; return fstat((int)N(1), &s) ? -1 : show(&s); }

static int by_name(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }

static long do_list(void) {
  DIR *directory = opendir(S(1));
  if (!directory) return -1;
  char *names[512];
  int count = 0;
  for (struct dirent *e; count < 512 && (e = readdir(directory));) names[count++] = strdup(e->d_name);
  closedir(directory);
  qsort(names, count, sizeof *names, by_name);
  for (int i = 0; i < count; i++) say("%s ", names[i]);
  return 0;
}

static long do_readlink(void) {
  long got = readlink(S(1), text, OUTPUT - 1);
  text[got > 0 ? got : 0] = 0;
  return got;
}

static long do_getcwd(void) { return syscall(SYS_getcwd, text, OUTPUT) < 0 ? (text[0] = 0, -1) : 0; }

static long do_getxattr(void) {
  long got = lgetxattr(S(1), S(2), text, OUTPUT - 1);
  text[got > 0 ? got : 0] = 0;
  return got;
}

static long do_listxattr(void) {
  char names[4096];
  long got = llistxattr(S(1), names, sizeof names);
  if (got < 0) return -1;
  char *sorted[64];
  int count = 0;
  for (char *at = names; at < names + got && count < 64; at += strlen(at) + 1)
    if (strncmp(at, "trusted.overlay.", 16)) sorted[count++] = at; // an overlay's own affair
  qsort(sorted, count, sizeof *sorted, by_name);
  for (int i = 0; i < count; i++) say("%s ", sorted[i]);
  return say("(%d)", count);
}

static long do_utime(void) {
  struct timespec times[2] = {{N(2), 0}, {N(2), 0}};
  return utimensat(AT_FDCWD, S(1), times, AT_SYMLINK_NOFOLLOW);
}

static long do_statfs(void) {
  struct statfs s;
  return statfs(S(1), &s) ? -1 : say("%lx %ld", (long)s.f_type, (long)s.f_namelen);
}

// -- processes ------------------------------------------------------------------------------------

static void count(int signal) { slots[self].handled[signal]++; }

static long do_clone(void) {
  long pid = syscall(SYS_clone, N(2) | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) act((int)N(1));
  return pid;
}

static long do_wait(void) {
  int status = 0;
  pid_t pid = waitpid((pid_t)N(1), &status, (int)N(2) | WNOHANG);
  if (pid <= 0) return pid;
  if (WIFEXITED(status)) return say("%d exited %d", pid, WEXITSTATUS(status));
  if (WIFSIGNALED(status)) return say("%d killed %d", pid, WTERMSIG(status));
  return WIFSTOPPED(status) ? say("%d stopped %d", pid, WSTOPSIG(status)) : say("%d continued", pid);
}

static long do_waitfd(void) {
  siginfo_t info = {0};
  if (waitid(P_PIDFD, (id_t)N(1), &info, (int)N(2) | WNOHANG)) return -1;
  int status = info.si_status;
  switch (info.si_pid ? info.si_code : 0) {
    case CLD_EXITED: return say("%d exited %d", info.si_pid, status);
    case CLD_KILLED: case CLD_DUMPED: return say("%d killed %d", info.si_pid, status);
    case CLD_STOPPED: return say("%d stopped %d", info.si_pid, status);
    case CLD_CONTINUED: return say("%d continued", info.si_pid);
    default: return 0;
  }
}

static long do_poll(void) {
  struct pollfd one = {(int)N(1), (short)N(2), 0};
  return poll(&one, 1, 0) < 0 ? -1 : one.revents;
}

static long do_sigaction(void) {
  struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_RESTART};
  if (!strcmp(S(2), "ignore")) action.sa_handler = SIG_IGN;
  if (!strcmp(S(2), "count")) action.sa_handler = count;
  return sigaction((int)N(1), &action, NULL);
}

static long do_sigmask(void) {
  sigset_t set;
  sigemptyset(&set);
  if (sigaddset(&set, (int)N(2))) return -1;
  return sigprocmask(!strcmp(S(1), "block") ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static long do_getrlimit(void) {
  struct rlimit limit;
  return getrlimit((int)N(1), &limit) ? -1 : say("%lu %lu", limit.rlim_cur, limit.rlim_max);
}
static long do_setrlimit(void) {
  struct rlimit limit = {U(2), U(3)};
  return setrlimit((int)N(1), &limit);
}

// -- credentials ----------------------------------------------------------------------------------

/** What execve(2) would do next: otherwise a changed user may not look at itself in /proc. */
static long dumpable(long result) {
  int error = errno;
  prctl(PR_SET_DUMPABLE, 1);
  errno = error;
  return result;
}

static long do_setuid(void) { return dumpable(syscall(SYS_setuid, N(1))); }
static long do_setgid(void) { return dumpable(syscall(SYS_setgid, N(1))); }
static long do_setreuid(void) { return dumpable(syscall(SYS_setreuid, N(1), N(2))); }
static long do_setregid(void) { return dumpable(syscall(SYS_setregid, N(1), N(2))); }
static long do_setresuid(void) { return dumpable(syscall(SYS_setresuid, N(1), N(2), N(3))); }
static long do_setresgid(void) { return dumpable(syscall(SYS_setresgid, N(1), N(2), N(3))); }
static long do_setfsuid(void) { return dumpable(syscall(SYS_setfsuid, N(1))); }
static long do_setfsgid(void) { return dumpable(syscall(SYS_setfsgid, N(1))); }
static long do_setgroups(void) {
  gid_t groups[WORDS];
  int count = 0;
  for (int i = 1; i < WORDS && word[i]; i++) groups[count++] = (gid_t)N(i);
  return syscall(SYS_setgroups, count, groups);
}

static long do_ids(void) {
  gid_t groups[64];
  int count = getgroups(64, groups);
  uid_t u[3];
  gid_t g[3];
  if (getresuid(&u[0], &u[1], &u[2]) || getresgid(&g[0], &g[1], &g[2])) return -1;
  say("%u %u %u %u:", u[0], u[1], u[2], (uid_t)syscall(SYS_setfsuid, -1));
  say("%u %u %u %u", g[0], g[1], g[2], (gid_t)syscall(SYS_setfsgid, -1));
  for (int i = 0; i < count; i++) say(" %u", groups[i]);
  return 0;
}

static long do_capset(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  uint64_t e = U(1), p = U(2), i = U(3);
  struct __user_cap_data_struct data[2] = {{e, p, i}, {e >> 32, p >> 32, i >> 32}};
  return dumpable(syscall(SYS_capset, &header, data));
}

/** Starts a program (probe.c) in a child, and passes on what that says through descriptor 0. */
static long do_exec(void) {
  pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (pid < 0) return -1;
  if (pid == 0) {
    char *arguments[] = {S(1), NULL};
    execve(S(1), arguments, arguments + 1);
    dprintf(0, "fails %s", strerrorname_np(errno));
    _exit(0);
  }
  waitpid(pid, NULL, 0);
  long got = read(0, text, OUTPUT - 1);
  text[got > 0 ? got : 0] = 0;
  return got;
}

// -- namespaces and mounts ------------------------------------------------------------------------

static long do_sethostname(void) { return sethostname(S(1), strlen(S(1))); }
static long do_gethostname(void) { return syscall(SYS_uname, NULL), gethostname(text, OUTPUT); }

static const char *or_null(const char *name) { return *name ? name : NULL; }

static long do_mount(void) {
  return mount(or_null(S(1)), S(2), or_null(S(3)), U(4), or_null(S(5)));
}

static long do_owner(void) {
  uid_t uid = 0;
  return ioctl((int)N(1), NS_GET_OWNER_UID, &uid) < 0 ? -1 : say("%u", uid);
}

// -- the table ------------------------------------------------------------------------------------

#define ONE(name, call) static long do_##name(void) { return call; }
ONE(open, open(S(1), (int)N(2) | O_NONBLOCK, N(3)))
ONE(openat, openat((int)N(1), S(2), (int)N(3) | O_NONBLOCK, N(4)))
ONE(close, close((int)N(1)))
ONE(write, write((int)N(1), S(2), strlen(S(2))))
ONE(lseek, lseek((int)N(1), N(2), (int)N(3)))
ONE(dup, dup((int)N(1)))
ONE(dup2, dup2((int)N(1), (int)N(2)))
ONE(getfl, fcntl((int)N(1), F_GETFL) < 0 ? -1 : fcntl((int)N(1), F_GETFL) & (O_PATH | O_APPEND | O_ACCMODE))
ONE(ftruncate, ftruncate((int)N(1), N(2)))
ONE(truncate, truncate(S(1), N(2)))
ONE(mkdir, mkdir(S(1), N(2)))
ONE(rmdir, rmdir(S(1)))
ONE(unlink, unlink(S(1)))
ONE(rename, rename(S(1), S(2)))
ONE(link, link(S(1), S(2)))
ONE(symlink, symlink(S(1), S(2)))
ONE(mknod, mknod(S(1), N(2), N(3)))
ONE(chmod, chmod(S(1), N(2)))
ONE(chown, lchown(S(1), (uid_t)N(2), (gid_t)N(3)))
ONE(access, syscall(SYS_faccessat2, AT_FDCWD, S(1), N(2), N(3)))
ONE(umask, umask(N(1)))
ONE(chdir, chdir(S(1)))
ONE(fchdir, fchdir((int)N(1)))
ONE(chroot, chroot(S(1)))
ONE(setxattr, lsetxattr(S(1), S(2), S(3), strlen(S(3)), (int)N(4)))
ONE(removexattr, lremovexattr(S(1), S(2)))
ONE(umount, umount2(S(1), (int)N(2)))
ONE(pivot_root, syscall(SYS_pivot_root, S(1), S(2)))
ONE(unshare, unshare((int)N(1)))
ONE(setns, setns((int)N(1), (int)N(2)))
ONE(userns, ioctl((int)N(1), NS_GET_USERNS))
ONE(parentns, ioctl((int)N(1), NS_GET_PARENT))
ONE(nstype, ioctl((int)N(1), NS_GET_NSTYPE))
ONE(getpid, getpid())
ONE(getppid, getppid())
ONE(getsid, getsid((pid_t)N(1)))
ONE(getpgid, getpgid((pid_t)N(1)))
ONE(setpgid, setpgid((pid_t)N(1), (pid_t)N(2)))
ONE(setsid, setsid())
ONE(kill, kill((pid_t)N(1), (int)N(2)))
ONE(pidfd_open, syscall(SYS_pidfd_open, N(1), N(2)))
ONE(pidfd_signal, syscall(SYS_pidfd_send_signal, N(1), N(2), NULL, N(3)))
ONE(handled, slots[self].handled[N(1)])
ONE(exit, (_exit((int)N(1)), 0))
ONE(bound, prctl(PR_CAPBSET_DROP, N(1), 0, 0, 0))
ONE(ambient, prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, N(1), 0, 0))
ONE(keepcaps, prctl(PR_SET_KEEPCAPS, N(1), 0, 0, 0))
ONE(nonewprivs, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))

static const struct { const char *name; long (*run)(void); } CALLS[] = {
#define C(name) {#name, do_##name},
  C(open) C(openat) C(close) C(read) C(write) C(lseek) C(dup) C(dup2) C(getfl) C(ftruncate)
  C(truncate) C(get) C(put) C(stat) C(lstat) C(fstat) C(list) C(readlink) C(getcwd) C(getxattr)
  C(listxattr) C(setxattr) C(removexattr) C(utime) C(statfs) C(mkdir) C(rmdir) C(unlink) C(rename)
  C(link) C(symlink) C(mknod) C(chmod) C(chown) C(access) C(umask) C(chdir) C(fchdir) C(chroot)
  C(clone) C(wait) C(sigaction) C(sigmask) C(getrlimit) C(setrlimit) C(setuid) C(setgid)
  C(setgroups) C(ids) C(capset) C(sethostname) C(gethostname) C(mount) C(owner) C(umount)
  C(pivot_root) C(unshare) C(setns) C(userns) C(parentns) C(nstype) C(getpid) C(getppid) C(getsid)
  C(getpgid) C(setpgid) C(setsid) C(kill) C(handled) C(exit) C(bound) C(ambient) C(keepcaps)
  C(nonewprivs) C(setreuid) C(setregid) C(setresuid) C(setresgid) C(setfsuid) C(setfsgid) C(exec)
  C(pidfd_open) C(pidfd_signal) C(waitfd) C(poll)
};

static long call(void) {
  for (size_t i = 0; i < sizeof CALLS / sizeof *CALLS; i++)
    if (!strcmp(CALLS[i].name, word[0])) return CALLS[i].run();
  errno = ENOSYS;
  return -1;
}

void act(int me) {
  struct slot *slot = &slots[me];
  self = me;
  text = slot->text;
  slot->born = 1;
  wake(&slot->born);
  for (;;) {
    uint32_t command;
    while ((command = slot->command) == slot->done) wait_on(&slot->command, command, 0);
    word = steps[command - 1].words;
    text[0] = 0;
    errno = 0;
    slot->value = call();
    slot->error = slot->value < 0 ? errno : 0;
    slot->done = command;
    wake(&slot->done);
  }
}
