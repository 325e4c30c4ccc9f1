/* Which function runs an operation and where it may stand; undoing. */
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "nacre.h"
#include "operations.h"

static int make_directory(const struct operation *o) {
  const char *path = text(o, MAKE_DIRECTORY_PATH);
  struct stat s;
  if (mkdir(path, (mode_t)number(o, MAKE_DIRECTORY_MODE)) == 0) return 0;
  bool keep = errno == EEXIST && number(o, MAKE_DIRECTORY_KEEP_EXISTING);
  if (!keep || stat(path, &s) || !S_ISDIR(s.st_mode)) return because("mkdir");
  return NOTHING_MADE;
}

int remove_directory(const struct operation *o) {
  const char *path = text(o, REMOVE_DIRECTORY_PATH);
  bool unused = number(o, REMOVE_DIRECTORY_IF_UNUSED);
  int64_t left = number(o, REMOVE_DIRECTORY_RETRY_MS);
  for (int64_t pause = 1;; pause = pause < 32 ? pause * 2 : 32) {
    if (rmdir(path) == 0 || errno == ENOENT) return 0;
    if (errno != EBUSY || left <= 0) break;
    nanosleep(&(struct timespec){0, pause * 1000000}, NULL);
    left -= pause;
  }
  bool used = errno == EBUSY || errno == ENOTEMPTY || errno == EEXIST;
  return unused && used ? 0 : because("rmdir");
}

static int write_once(const char *path, const char *data, size_t size) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return because("open");
  ssize_t n = write(fd, data, size);
  int error = n < 0 ? errno : EIO;
  close(fd);
  errno = error;
  return n == (ssize_t)size ? 0 : because("write");
}

static int write_file(const struct operation *o) {
  const struct argument *data = &o->argument[WRITE_FILE_DATA];
  return write_once(text(o, WRITE_FILE_PATH), data->data, data->size - 1);
}

static int create_file(const struct operation *o) {
  const char *path = text(o, CREATE_FILE_PATH);
  const struct argument *data = &o->argument[CREATE_FILE_DATA];
  int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
  int fd = open(path, flags, (mode_t)number(o, CREATE_FILE_MODE));
  if (fd < 0) return because("open");
  int result = write_fully(fd, data->data, data->size - 1);
  int error = errno;
  close(fd);
  if (result) unlink(path);
  errno = error;
  return result;
}

static int remove_file(const struct operation *o) {
  return unlink(text(o, REMOVE_FILE_PATH)) && errno != ENOENT ? because("unlink") : 0;
}

static int make_cgroup(const struct operation *o) {
  const char *path = text(o, MAKE_CGROUP_PATH);
  for (int tries = 0; mkdir(path, 0755); tries++) {
    if (errno == EEXIST && number(o, MAKE_CGROUP_SHARED)) return 0;
    char parent[4096];
    const char *slash = strrchr(path, '/');
    if (errno != ENOENT || tries == 100 || !slash || slash == path) return because("mkdir");
    if (snprintf(parent, sizeof parent, "%.*s", (int)(slash - path), path) >= 4096) return -1;
    if (mkdir(parent, 0755) && errno != EEXIST) return because("mkdir %s", parent);
  }
  return 0;
}

static int fail(const struct operation *o) {
  errno = (int)number(o, FAIL_ERROR);
  return because("on purpose");
}

static int join_cgroup(const struct operation *o) {
  char path[4096], pid[16];
  snprintf(path, sizeof path, "%s/cgroup.procs", text(o, JOIN_CGROUP_PATH));
  return write_once(path, pid, (size_t)snprintf(pid, sizeof pid, "%d", (int)self.child));
}

static int write_process_file(const struct operation *o) {
  char path[64];
  const char *name = text(o, WRITE_PROCESS_FILE_NAME);
  if (strlen(name) > 32 || strchr(name, '/')) {
    errno = EINVAL;
    return because("not a name");
  }
  snprintf(path, sizeof path, "/proc/%d/%s", (int)self.child, name);
  const struct argument *data = &o->argument[WRITE_PROCESS_FILE_DATA];
  return write_once(path, data->data, data->size - 1);
}

static int unshare_namespaces(const struct operation *o) {
  return unshare((int)number(o, UNSHARE_FLAGS)) ? because("unshare") : 0;
}

static int set_hostname(const struct operation *o) {
  const struct argument *name = &o->argument[SET_HOSTNAME_NAME];
  return sethostname(name->data, name->size - 1) ? because("sethostname") : 0;
}

static int set_domainname(const struct operation *o) {
  const struct argument *name = &o->argument[SET_DOMAINNAME_NAME];
  return setdomainname(name->data, name->size - 1) ? because("setdomainname") : 0;
}

static int link_up(const struct operation *o) {
  struct ifreq request = {0};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", text(o, LINK_UP_NAME));
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  int result = fd < 0 ? -1 : ioctl(fd, SIOCGIFFLAGS, &request);
  request.ifr_flags |= IFF_UP;
  if (result == 0) result = ioctl(fd, SIOCSIFFLAGS, &request);
  int error = errno;
  if (fd >= 0) close(fd);
  errno = error;
  return result ? because("link up") : 0;
}

static int set_limit(const struct operation *o) {
  rlim_t soft = (rlim_t)number(o, SET_LIMIT_SOFT), hard = (rlim_t)number(o, SET_LIMIT_HARD);
  struct rlimit limit = {soft, hard};
  return setrlimit((int)number(o, SET_LIMIT_RESOURCE), &limit) ? because("setrlimit") : 0;
}

static int set_umask(const struct operation *o) {
  self.umask = (mode_t)number(o, SET_UMASK_MASK);
  return 0;
}

static int new_session(const struct operation *o) {
  (void)o;
  return setsid() < 0 ? because("setsid") : 0;
}

static int no_new_privileges(const struct operation *o) {
  (void)o;
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? because("prctl") : 0;
}

enum { ANY = HOST | PARENT | CHILD, OUTSIDE = HOST | PARENT, TREE = HOST | CHILD };
static const struct { int (*run)(const struct operation *); int sections; } HOW[OP_COUNT] = {
  [OP_MAKE_DIRECTORY] = {make_directory, ANY},
  [OP_REMOVE_DIRECTORY] = {remove_directory, ANY},
  [OP_REMOVE_TREE] = {remove_tree, ANY},
  [OP_WRITE_FILE] = {write_file, ANY},
  [OP_CREATE_FILE] = {create_file, ANY},
  [OP_REMOVE_FILE] = {remove_file, ANY},
  [OP_MAKE_CGROUP] = {make_cgroup, OUTSIDE},
  [OP_MOUNT] = {mount_at, ANY},
  [OP_UNMOUNT] = {unmount, ANY},
  [OP_SHARE_MOUNT] = {share_mount, OUTSIDE},
  [OP_RELEASE_MOUNT] = {release_mount, OUTSIDE},
  [OP_FAIL] = {fail, ANY},
  [OP_JOIN_CGROUP] = {join_cgroup, PARENT},
  [OP_WRITE_PROCESS_FILE] = {write_process_file, PARENT},
  [OP_UNSHARE] = {unshare_namespaces, CHILD},
  [OP_SET_PROPAGATION] = {set_propagation, CHILD},
  [OP_OPEN_ROOT] = {open_root, TREE},
  [OP_MOUNT_IN_ROOT] = {mount_in_root, TREE},
  [OP_BIND_IN_ROOT] = {bind_in_root, TREE},
  [OP_MASK_IN_ROOT] = {mask_in_root, CHILD},
  [OP_READ_ONLY_IN_ROOT] = {read_only_in_root, CHILD},
  [OP_ENTER_ROOT] = {enter_root, CHILD},
  [OP_SET_MOUNT_ATTRIBUTES] = {set_mount_attributes, CHILD},
  [OP_SET_HOSTNAME] = {set_hostname, CHILD},
  [OP_SET_DOMAINNAME] = {set_domainname, CHILD},
  [OP_LINK_UP] = {link_up, CHILD},
  [OP_SET_SYSCTL] = {set_sysctl, CHILD},
  [OP_SET_LIMIT] = {set_limit, CHILD},
  [OP_SET_UMASK] = {set_umask, CHILD},
  [OP_NEW_SESSION] = {new_session, CHILD},
  [OP_OPEN_TERMINAL] = {open_terminal, CHILD},
  [OP_BOUND_CAPABILITIES] = {bound_capabilities, CHILD},
  [OP_SET_USER] = {set_user, CHILD},
  [OP_SET_CAPABILITIES] = {set_capabilities, CHILD},
  [OP_NO_NEW_PRIVILEGES] = {no_new_privileges, CHILD},
  [OP_CHANGE_DIRECTORY] = {change_directory, CHILD},
  [OP_EXECUTE] = {execute, CHILD},
  [OP_PLACE_DIRECTORY] = {place_directory, TREE},
  [OP_PLACE_FILE] = {place_file, TREE},
  [OP_PLACE_TEXT] = {place_text, TREE},
  [OP_PLACE_SYMLINK] = {place_symlink, TREE},
  [OP_PLACE_HARD_LINK] = {place_hard_link, TREE},
  [OP_PLACE_NODE] = {place_node, TREE},
  [OP_PLACE_ATTRIBUTE] = {place_attribute, TREE},
  [OP_PLACE_TIMES] = {place_times, TREE},
};

bool allowed(int code, enum section section) { return HOW[code].sections & section; }

/* The inverses of what was done, the latest first, with their bytes. */
static struct undo {
  struct undo *next;
  uint32_t index;
  size_t size;
  uint8_t inverse[];
} *undos;

static int remember(const struct operation *o, uint32_t index) {
  size_t size = (size_t)(o->inverse.end - o->inverse.at);
  struct undo *undo = size ? malloc(sizeof *undo + size) : NULL;
  if (!undo) return size ? because("malloc") : 0;
  *undo = (struct undo){undos, index, size};
  memcpy(undo->inverse, o->inverse.at, size);
  undos = undo;
  return 0;
}

/* 0, or -1 after the failure was reported (by the child: to its parent). */
int run_section(struct cursor section, enum section name) {
  uint32_t count;
  struct operation o;
  self.section = name;
  take_number(&section, &count);
  for (uint32_t i = 0; i < count && take_operation(&section, &o); i++) {
    *detail = 0;
    int result = HOW[o.code].run(&o);
    if (result == 0) result = remember(&o, i);
    if (result >= 0) continue;
    if (name == CHILD) tell_parent((int)i, errno, -1);
    else report("failed %s %u %d %s\n", name == HOST ? "host" : "parent", i, errno, detail);
    return -1;
  }
  return 0;
}

/* Goes on after an inverse that fails, and says so; once an exit record is there, also in it. */
void undo_all(const char *exit_path) {
  for (struct undo *undo; (undo = undos); free(undo)) {
    struct cursor from = {undo->inverse, undo->inverse + undo->size};
    struct operation o;
    undos = undo->next;
    *detail = 0;
    self.section = HOST;
    if (!take_operation(&from, &o) || HOW[o.code].run(&o) >= 0) continue;
    int error = errno;
    report("undo-failed %u %d %s\n", undo->index, error, detail);
    int fd = exit_path ? open(exit_path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    if (fd < 0) continue;
    dprintf(fd, "undo-failed %u %d %s\n", undo->index, error, detail);
    close(fd);
  }
}
