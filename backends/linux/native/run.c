/* Running operations by their code, and undoing them. */
#include <ftw.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "nacre.h"
#include "operations.h"

int checked(long result, const char *what) { return result < 0 ? because("%s", what) : 0; }

int write_fully(int fd, const char *data, size_t size) {
  for (ssize_t n; size > 0; data += n, size -= (size_t)n)
    if ((n = write(fd, data, size)) <= 0) return because("write");
  return 0;
}

size_t read_to_end(int fd, char *to, size_t most) {
  size_t size = 0;
  for (ssize_t n; size < most && (n = read(fd, to + size, most - size)) > 0;) size += (size_t)n;
  return size;
}

/* Control files of cgroups and /proc take a value in one write(2), or not at all. */
static int write_file(const char *path, const char *data, size_t size) {
  OWNED fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return because("open %s", path);
  return checked(write(fd, data, size), "write");
}

static int make_directory(const struct operation *o) {
  struct stat s;
  const char *path = text(o, MAKE_DIRECTORY_PATH);
  if (mkdir(path, (mode_t)number(o, MAKE_DIRECTORY_MODE)) == 0) return 0;
  bool keep = errno == EEXIST && number(o, MAKE_DIRECTORY_KEEP_EXISTING);
  return keep && stat(path, &s) == 0 && S_ISDIR(s.st_mode) ? NOTHING_MADE : because("mkdir");
}

/* Groups that a container has made below its own: by now nobody is in them. */
static int remove_within(const char *path, const struct stat *s, int kind, struct FTW *place) {
  (void)s;
  return kind == FTW_DP && place->level > 0 ? rmdir(path) && errno != EBUSY && errno != ENOENT : 0;
}

static int remove_directory(const struct operation *o) {
  int64_t left = number(o, REMOVE_DIRECTORY_RETRY_MS);
  for (int pause = 1; rmdir(text(o, REMOVE_DIRECTORY_PATH)); pause = pause < 32 ? 2 * pause : 32) {
    if (errno == ENOENT) return 0;
    bool used = errno == EBUSY || errno == ENOTEMPTY || errno == EEXIST;
    if (errno != EBUSY || left <= 0)
      return used && number(o, REMOVE_DIRECTORY_IF_UNUSED) ? 0 : because("rmdir");
    nftw(text(o, REMOVE_DIRECTORY_PATH), remove_within, 8, FTW_DEPTH | FTW_MOUNT | FTW_PHYS);
    usleep((useconds_t)pause * 1000);
    left -= pause;
  }
  return 0;
}

static int create_file(const struct operation *o) {
  const char *path = text(o, CREATE_FILE_PATH);
  mode_t mode = (mode_t)number(o, CREATE_FILE_MODE);
  OWNED fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
  if (fd < 0) return because("open");
  int result = write_fully(fd, text(o, CREATE_FILE_DATA), length(o, CREATE_FILE_DATA));
  int error = errno;
  if (result) unlink(path);
  errno = error;
  return result;
}

/* A neighbour may remove the empty parent at any moment: then it is made again. */
static int make_cgroup(const struct operation *o) {
  char parent[4096];
  const char *path = text(o, MAKE_CGROUP_PATH), *slash = strrchr(path, '/');
  for (int tries = 0; mkdir(path, 0755); tries++) {
    if (errno == EEXIST && number(o, MAKE_CGROUP_SHARED)) return 0;
    if (errno != ENOENT || tries == 100 || !slash || slash == path) return because("mkdir");
    snprintf(parent, sizeof parent, "%.*s", (int)(slash - path), path);
    if (mkdir(parent, 0755) && errno != EEXIST) return because("mkdir %s", parent);
  }
  return 0;
}

static int link_up(const struct operation *o) {
  struct ifreq request = {0};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", text(o, LINK_UP_NAME));
  OWNED fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request)) return because("SIOCGIFFLAGS");
  request.ifr_flags |= IFF_UP;
  return checked(ioctl(fd, SIOCSIFFLAGS, &request), "SIOCSIFFLAGS");
}

static int set_limit(const struct operation *o) {
  struct rlimit limit = {(rlim_t)number(o, SET_LIMIT_SOFT), (rlim_t)number(o, SET_LIMIT_HARD)};
  pid_t whose = self.section == PARENT ? self.child : 0;
  return checked(prlimit(whose, (int)number(o, SET_LIMIT_RESOURCE), &limit, NULL), "setrlimit");
}

/* The supervisor takes the SIGALRM of this timer for the end of the child's time (supervise.c). */
static int kill_after(int64_t ms) {
  struct itimerval timer = {.it_value = {ms / 1000, ms % 1000 * 1000}};
  return checked(setitimer(ITIMER_REAL, &timer, NULL), "setitimer");
}

static int unmount(const struct operation *o) {
  int flags = UNMOUNT_NO_FOLLOW | (number(o, UNMOUNT_DETACH) ? UNMOUNT_DETACHED : 0);
  int result = umount2(text(o, UNMOUNT_TARGET), flags);
  return result && (errno == EINVAL || errno == ENOENT) ? 0 : checked(result, "umount2");
}

/* Operations of the host and parent sections. */
static int run_outside(const struct operation *o) {
  char path[4096], pid[16];
  switch (o->code) {
  case OP_MAKE_DIRECTORY: return make_directory(o);
  case OP_REMOVE_DIRECTORY: return remove_directory(o);
  case OP_WRITE_FILE:
    return write_file(text(o, WRITE_FILE_PATH), text(o, WRITE_FILE_DATA), length(o, WRITE_FILE_DATA));
  case OP_CREATE_FILE: return create_file(o);
  case OP_REMOVE_FILE:
    return unlink(text(o, REMOVE_FILE_PATH)) && errno != ENOENT ? because("unlink") : 0;
  case OP_MAKE_CGROUP: return make_cgroup(o);
  case OP_MOUNT: return mount_at(o);
  case OP_BIND: return bind_at(o);
  case OP_REMOUNT: return remount(o);
  case OP_UNMOUNT: return unmount(o);
  case OP_SHARE_MOUNT: return share_mount(o);
  case OP_RELEASE_MOUNT: return release_mount(o);
  case OP_ATTACH_DEVICE_FILTER: return attach_device_filter(o);
  case OP_FAIL: /* not by a signal: a pid namespace's first process gets none from within */
    if (number(o, FAIL_FATAL)) _exit(128 + SIGKILL);
    errno = (int)number(o, FAIL_ERROR);
    return because("on purpose");
  case OP_CONNECT_LISTENER: return connect_listener(o);
  case OP_ACT_AS_OWNER: return act_as_owner(o);
  case OP_RUN_HOOK: return run_hook(o, self.section == CHILD ? getpid() : self.child);
  case OP_JOIN_CGROUP:
    snprintf(path, sizeof path, "%s/cgroup.procs", text(o, JOIN_CGROUP_PATH));
    return write_file(path, pid, (size_t)snprintf(pid, sizeof pid, "%d", (int)self.child));
  case OP_KILL_AFTER: return kill_after(number(o, KILL_AFTER_TIMEOUT_MS));
  default: /* OP_WRITE_PROCESS_FILE */
    snprintf(path, sizeof path, "/proc/%d/%s", (int)self.child, text(o, WRITE_PROCESS_FILE_NAME));
    return write_file(path, text(o, WRITE_PROCESS_FILE_DATA), length(o, WRITE_PROCESS_FILE_DATA));
  }
}

/* Operations by which the child changes itself and its namespaces. */
static int run_inside(const struct operation *o) {
  switch (o->code) {
  case OP_UNSHARE: return checked(unshare((int)number(o, UNSHARE_FLAGS)), "unshare");
  case OP_SET_PROPAGATION:
    return set_attributes(AT_FDCWD, text(o, SET_PROPAGATION_PATH),
                          number(o, SET_PROPAGATION_RECURSIVE) ? AT_RECURSIVE : 0, 0,
                          (uint64_t)number(o, SET_PROPAGATION_FLAG));
  case OP_SET_MOUNT_ATTRIBUTES: return change_mount(o);
  case OP_SET_HOSTNAME: return checked(sethostname(text(o, 0), length(o, 0)), "sethostname");
  case OP_SET_DOMAINNAME: return checked(setdomainname(text(o, 0), length(o, 0)), "setdomainname");
  case OP_LINK_UP: return link_up(o);
  case OP_SET_LIMIT: return set_limit(o);
  case OP_SET_UMASK: self.umask = (mode_t)number(o, SET_UMASK_MASK); return 0;
  case OP_NEW_SESSION: return checked(setsid(), "setsid");
  case OP_OPEN_TERMINAL: return open_terminal(o);
  case OP_BOUND_CAPABILITIES: return bound_capabilities(o);
  case OP_SET_USER: return set_user(o);
  case OP_SET_CAPABILITIES: return set_capabilities(o);
  case OP_NO_NEW_PRIVILEGES: return checked(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl");
  case OP_FILTER_SYSTEM_CALLS: return filter_system_calls(o);
  case OP_WRITE_OWN_FILE:
  case OP_ENTER_TIME_NAMESPACE:
  case OP_JOIN_SESSION_KEYRING:
  case OP_SET_PERSONALITY:
  case OP_SET_MEMORY_POLICY:
  case OP_SET_IO_PRIORITY:
  case OP_SET_SCHEDULER: return change_itself(o);
  case OP_FIND_PROGRAM: return find_program(o);
  case OP_AWAIT_START: return await_start();
  case OP_STAY_AS_INIT: return stay_as_init();
  case OP_EXECUTE: return execute(o);
  default: return run_in_root(o);
  }
}

int run_operation(const struct operation *o) {
  *detail = 0;
  self.code = o->code;
  if (o->code >= OP_PLACE_DIRECTORY) return place(o);
  return o->code <= OP_WRITE_PROCESS_FILE ? run_outside(o) : run_inside(o);
}

/* The codes follow the sections of operation.ts. Nothing may change the supervisor itself. */
bool allowed(int code, enum section section) {
  if (code == OP_CONNECT_LISTENER || code == OP_ACT_AS_OWNER) return section == HOST;
  if (code <= OP_RUN_HOOK) return true;
  if (code <= OP_WRITE_PROCESS_FILE) return section == PARENT;
  if (code == OP_SET_LIMIT && section == PARENT) return true;
  bool tree = code >= OP_PLACE_DIRECTORY || code == OP_OPEN_ROOT || code == OP_MOUNT_IN_ROOT ||
              code == OP_BIND_IN_ROOT || code == OP_SET_PROPAGATION;
  return section == CHILD || (section == HOST && tree);
}

/* What may be done for a child by who is none: to mounts and files, not to what a process is. */
bool allowed_outside(int code) {
  if (code == OP_CONNECT_LISTENER || (code >= OP_JOIN_CGROUP && code <= OP_WRITE_PROCESS_FILE)) return false;
  return code <= OP_SET_SYSCTL || code >= OP_PLACE_DIRECTORY;
}

/* The inverses of what was done, the latest first, with their bytes. */
static struct undo {
  struct undo *next;
  uint32_t index;
  size_t size;
  uint8_t inverse[];
} *undos;

static void remember(const struct operation *o, uint32_t index) {
  size_t size = (size_t)(o->inverse.end - o->inverse.at);
  struct undo *undo = size ? malloc(sizeof *undo + size) : NULL;
  if (!undo) return;
  *undo = (struct undo){undos, index, size};
  memcpy(undo->inverse, o->inverse.at, size);
  undos = undo;
}

/* 0, or -1 after the failure was reported (by the child: to its parent). */
int run_section(struct cursor section, enum section name) {
  uint32_t count;
  struct operation o;
  self.section = name;
  take_number(&section, &count);
  bool in_row = false; /* who does one outside does all that follow it there */
  for (uint32_t i = 0; i < count && take_operation(&section, &o); i++) {
    int at = (int)i;
    bool hook = name == CHILD && o.code == OP_RUN_HOOK && number(&o, RUN_HOOK_BY_PARENT);
    if (in_row && o.outside) continue;
    in_row = o.outside;
    int result = hook || o.outside ? ask_parent(&at) : run_operation(&o);
    if (result == 0) remember(&o, i);
    if (result >= 0) continue;
    if (name == CHILD) tell_parent(at, errno, -1);
    else report("failed %s %u %d %s\n", name == HOST ? "host" : "parent", i, errno, detail);
    return -1;
  }
  return 0;
}

/* What the child asks of its parent: the operation at an index of the child's section. */
int run_for_child(struct cursor section, int32_t *index) {
  uint32_t count;
  struct operation o;
  struct cursor from = section;
  take_number(&from, &count);
  for (int32_t i = 0; i <= *index; i++)
    if (i >= (int32_t)count || !take_operation(&from, &o)) return -1;
  return o.outside ? run_row_outside(section, index) : run_operation(&o);
}

/* Goes on after an inverse that fails, and says so; once an exit record is there, also in it. */
void undo_all(const char *exit_path) {
  for (struct undo *undo; (undo = undos); free(undo)) {
    struct cursor from = {undo->inverse, undo->inverse + undo->size};
    struct operation o;
    undos = undo->next;
    self.section = HOST;
    if (!take_operation(&from, &o) || run_operation(&o) >= 0) continue;
    int error = errno;
    report("undo-failed %u %d %s\n", undo->index, error, detail);
    OWNED fd = exit_path ? open(exit_path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    if (fd >= 0) dprintf(fd, "undo-failed %u %d %s\n", undo->index, error, detail);
  }
}
