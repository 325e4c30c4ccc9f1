/*
 * Who is not root is root in a user namespace: nacre-init --unprivileged PROGRAM ARGUMENT…
 * executes the program there. It is done before Node begins, for unshare(2) wants one thread.
 *
 * A user's containers share one user and one mount namespace, which live as long as a process in
 * them does; nobody is kept for them. So a command joins those that are there, and makes new ones
 * where there are none. What is there is recorded in a file, whose lock keeps two commands from
 * making two:
 *
 *   TOKEN USER MNT PID     the token, the inodes of both namespaces, somebody who was seen in them
 *
 * Whoever was started here has the same in its environment. Inodes are given out again once a
 * namespace is gone, and a container's processes could be taken for members of ours: the token is
 * what they cannot know, and their mount namespaces are others.
 */
#include <dirent.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/wait.h>

#include "nacre.h"
#include "rootless.h"

#define MARK "NACRE_USER_NAMESPACE"
enum { TOKEN_BYTES = 16, ENVIRONMENT_SIZE = 1 << 20 };

struct record {
  char token[2 * TOKEN_BYTES + 1];
  unsigned long user, mnt;
  int pid;
};

/* -- the record ------------------------------------------------------------------------------- */

static int make_directories(char *path) {
  for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
    *slash = 0;
    int made = mkdir(path, 0700);
    *slash = '/';
    if (made && errno != EEXIST && access(path, F_OK)) return -1;
  }
  return 0;
}

static int open_record(char *path) {
  if (make_directories(path)) return -1;
  return open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* In the user's own directory; who has none gets one in /tmp, if nobody else has taken the name. */
static int lock_record(void) {
  char path[PATH_MAX];
  struct stat s;
  const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
  int fd = -1;
  if (data && *data == '/') {
    snprintf(path, sizeof path, "%s/nacre/namespace", data);
    fd = open_record(path);
  } else if (home && *home == '/') {
    snprintf(path, sizeof path, "%s/.local/share/nacre/namespace", home);
    fd = open_record(path);
  }
  if (fd < 0) {
    snprintf(path, sizeof path, "/tmp/nacre-%u/namespace", geteuid());
    fd = open_record(path);
    *strrchr(path, '/') = 0;
    bool own = lstat(path, &s) == 0 && S_ISDIR(s.st_mode) && s.st_uid == geteuid() && !(s.st_mode & 077);
    errno = EACCES;
    if (fd < 0 || !own) return because("%s is not ours", path);
  }
  while (flock(fd, LOCK_EX))
    if (errno != EINTR) return because("lock %s", path);
  return fd;
}

static bool read_record(int fd, struct record *r) {
  char line[256];
  ssize_t size = pread(fd, line, sizeof line - 1, 0);
  line[size < 0 ? 0 : size] = 0;
  size_t token = strspn(line, "0123456789abcdef");
  if (token != 2 * TOKEN_BYTES || line[token] != ' ') return false;
  memcpy(r->token, line, token);
  char *at = line + token;
  r->user = strtoul(at, &at, 10);
  r->mnt = strtoul(at, &at, 10);
  r->pid = (int)strtol(at, &at, 10);
  return r->pid > 0 && *at == '\n';
}

static void write_record(int fd, const struct record *r) {
  if (ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0)
    dprintf(fd, "%s %lu %lu %d\n", r->token, r->user, r->mnt, r->pid);
}

static void mark_of(const struct record *r, char mark[128]) {
  snprintf(mark, 128, MARK "=%lu:%lu:%s", r->user, r->mnt, r->token);
}

/* -- who is there ----------------------------------------------------------------------------- */

static bool has_mark(int process, const char *mark) {
  static char bytes[ENVIRONMENT_SIZE];
  OWNED fd = openat(process, "environ", O_RDONLY | O_CLOEXEC);
  size_t size = read_to_end(fd, bytes, sizeof bytes), length = strlen(mark) + 1;
  for (char *at = bytes; at < bytes + size;) {
    size_t left = (size_t)(bytes + size - at);
    if (left >= length && !memcmp(at, mark, length)) return true;
    char *end = memchr(at, 0, left);
    at = end ? end + 1 : bytes + size;
  }
  return false;
}

/* A user namespace that we made, and a mount namespace that belongs to it. */
static bool are_ours(const struct record *r, int user, int mnt) {
  struct stat s, of, belongs;
  uid_t owner;
  OWNED parent = ioctl(mnt, NS_GET_USERNS);
  return fstat(user, &s) == 0 && s.st_ino == r->user && fstat(mnt, &of) == 0 &&
         of.st_ino == r->mnt && fstat(parent, &belongs) == 0 && belongs.st_ino == r->user &&
         ioctl(user, NS_GET_OWNER_UID, &owner) == 0 && owner == geteuid();
}

/* Goes where process `pid` is, if it is a member; whoever was recorded may just be about to execute, `patient`. */
static bool join(const struct record *r, int pid, int patient) {
  char path[32], mark[128];
  struct stat s;
  snprintf(path, sizeof path, "/proc/%d", pid);
  OWNED process = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (process < 0 || fstatat(process, "ns/user", &s, 0) || s.st_ino != r->user) return false;
  OWNED user = openat(process, "ns/user", O_RDONLY | O_CLOEXEC);
  OWNED mnt = openat(process, "ns/mnt", O_RDONLY | O_CLOEXEC);
  if (user < 0 || mnt < 0 || !are_ours(r, user, mnt)) return false;
  mark_of(r, mark);
  bool marked = has_mark(process, mark);
  for (; !marked && patient > 0; patient--) {
    usleep(1000);
    marked = has_mark(process, mark);
  }
  return marked && setns(user, CLONE_NEWUSER) == 0 && setns(mnt, CLONE_NEWNS) == 0;
}

/* The one who was seen last, or else whoever is there. */
static bool join_anybody(struct record *r) {
  uid_t own = geteuid();
  if (join(r, r->pid, 100)) return true;
  DIR *all = opendir("/proc");
  bool joined = false;
  for (struct dirent *entry; all && !joined && (entry = readdir(all));) {
    struct stat s;
    int pid = atoi(entry->d_name);
    if (pid <= 0 || fstatat(dirfd(all), entry->d_name, &s, 0) || s.st_uid != own) continue;
    joined = join(r, pid, 0);
    r->pid = pid;
  }
  if (all) closedir(all);
  return joined;
}

/* -- making ----------------------------------------------------------------------------------- */

static int write_own(const char *name, const char *line) {
  OWNED fd = open(name, O_WRONLY | O_CLOEXEC);
  return fd < 0 ? because("open %s", name) : checked(write(fd, line, strlen(line)), name);
}

static bool is_empty(const char *name) {
  char byte;
  OWNED fd = open(name, O_RDONLY | O_CLOEXEC);
  return read(fd, &byte, 1) <= 0;
}

/* Whatever newuidmap and newgidmap have not mapped: ourselves alone. */
static int map_ourselves(uid_t uid, gid_t gid) {
  char users[32], groups[32];
  snprintf(users, sizeof users, "0 %u 1\n", uid);
  snprintf(groups, sizeof groups, "0 %u 1\n", gid);
  if (is_empty("/proc/self/uid_map") && write_own("/proc/self/uid_map", users)) return -1;
  if (!is_empty("/proc/self/gid_map")) return 0;
  if (write_own("/proc/self/setgroups", "deny")) return -1;
  return write_own("/proc/self/gid_map", groups);
}

/* A child that stays outside maps, for it may only be done from there. */
static int unshare_mapped(void) {
  int ends[2];
  char go;
  uid_t uid = geteuid();
  gid_t gid = getegid();
  pid_t self_pid = getpid();
  if (pipe2(ends, O_CLOEXEC)) return because("pipe");
  pid_t mapper = fork();
  if (mapper == 0) {
    close(ends[1]);
    if (read(ends[0], &go, 1) == 1) map_range(self_pid, uid, gid);
    _exit(0);
  }
  OWNED from = ends[0], to = ends[1];
  if (mapper < 0) return because("fork");
  int result = checked(unshare(CLONE_NEWUSER | CLONE_NEWNS), "unshare");
  if (result == 0 && write(to, "", 1) != 1) result = because("pipe");
  int error = errno;
  close(to);
  to = -1;
  while (waitpid(mapper, NULL, 0) < 0 && errno == EINTR) continue;
  errno = error;
  return result ? -1 : map_ourselves(uid, gid);
}

/* Where policy gives a namespace and takes its powers, this is the first that fails. */
static int make(struct record *r) {
  struct stat user, mnt;
  unsigned char random[TOKEN_BYTES];
  if (unshare_mapped()) return -1;
  if (set_attributes(AT_FDCWD, "/", AT_RECURSIVE, 0, MS_SLAVE)) return -1;
  if (getrandom(random, sizeof random, 0) != sizeof random) return because("getrandom");
  for (int i = 0; i < TOKEN_BYTES; i++) snprintf(r->token + 2 * i, 3, "%02x", random[i]);
  if (stat("/proc/self/ns/user", &user) || stat("/proc/self/ns/mnt", &mnt)) return because("stat");
  r->user = user.st_ino;
  r->mnt = mnt.st_ino;
  r->pid = getpid();
  return 0;
}

/* Who joins a mount namespace stands at its root. */
static int go_back(const char *directory) {
  return *directory && chdir(directory) ? because("chdir %s", directory) : 0;
}

/* The lock goes when the program is executed, for then its environment shows what it is. */
static int enter(void) {
  struct record record = {0};
  char mark[128], directory[PATH_MAX] = "";
  if (!getcwd(directory, sizeof directory)) *directory = 0;
  int lock = lock_record();
  if (lock < 0) return -1;
  bool joined = read_record(lock, &record) && join_anybody(&record);
  if (!joined && make(&record)) return -1;
  write_record(lock, &record);
  mark_of(&record, mark);
  putenv(strdup(mark));
  return joined ? go_back(directory) : 0;
}

int run_unprivileged(char **command) {
  char why[DETAIL_SIZE + 64];
  *detail = 0;
  if (geteuid() != 0) {
    unsetenv(MARK);
    unsetenv("NACRE_ROOTLESS_FAULT");
    if (enter()) {
      snprintf(why, sizeof why, "%s: %s", detail, strerror(errno));
      setenv("NACRE_ROOTLESS_FAULT", why, 1);
    }
  }
  execv(command[0], command);
  dprintf(2, "nacre: cannot execute %s: %s\n", command[0], strerror(errno));
  return errno == ENOENT ? 127 : 126;
}
