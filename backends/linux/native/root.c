/*
 * Names inside the container's root. A name is resolved once, with RESOLVE_IN_ROOT, to a
 * descriptor, and all that follows works on the descriptor: whatever the container does to the
 * name meanwhile, nothing outside its root is reached.
 */
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "nacre.h"
#include "operations.h"

enum { BOTH_EMPTY = MOVE_MOUNT_T_EMPTY_PATH };

int in_root(const char *path, uint64_t flags) {
  if (self.root < 0) {
    errno = EBADF;
    return because("no root is open");
  }
  int fd;
  for (int tries = 0; tries < 128; tries++) { /* EAGAIN: something was renamed meanwhile */
    fd = k_openat2(self.root, path, O_PATH | flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    if (fd >= 0 || errno != EAGAIN) break;
  }
  return fd;
}

/* Splits `path` into the directory, written to `head`, and the last name, which it returns. */
static const char *split(const char *path, char head[PATH_MAX]) {
  size_t end = strlen(path);
  while (end > 1 && path[end - 1] == '/') end--;
  if (end >= PATH_MAX) return NULL;
  size_t name = end;
  while (name > 0 && path[name - 1] != '/') name--;
  static char last[NAME_MAX + 2];
  if (end - name > NAME_MAX) return NULL;
  memcpy(last, path + name, end - name);
  last[end - name] = 0;
  snprintf(head, PATH_MAX, "/%.*s", (int)name, path);
  return last;
}

/* Makes the missing last part of a path; if a dangling link is there, makes what it names. */
static int make_last(int parent, const char *head, const char *name, mode_t kind, int budget) {
  char link[PATH_MAX], path[PATH_MAX];
  int made = kind == S_IFDIR ? mkdirat(parent, name, 0755) : mknodat(parent, name, S_IFREG | 0644, 0);
  if (made && errno != EEXIST) return -1;
  ssize_t length = made ? readlinkat(parent, name, link, sizeof link - 1) : -1;
  if (length < 0) return openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  link[length] = 0;
  if (snprintf(path, sizeof path, "%s/%s", *link == '/' ? "" : head, link) >= PATH_MAX) {
    errno = ENAMETOOLONG;
    return -1;
  }
  return make_in_root(path, kind, budget - 1);
}

/* Opens a path inside the root; what is missing of it is made: directories, `kind` at its end. */
int make_in_root(const char *path, mode_t kind, int budget) {
  int fd = in_root(path, 0);
  if (fd >= 0 || errno != ENOENT) return fd;
  char head[PATH_MAX], name[NAME_MAX + 1];
  const char *last = split(path, head);
  if (!last || budget == 0) {
    errno = last ? ELOOP : ENAMETOOLONG;
    return -1;
  }
  strcpy(name, last);
  if (!*name || !strcmp(name, "..")) return -1; /* ENOENT: `..` of something that is missing */
  int parent = make_in_root(head, S_IFDIR, budget - 1);
  if (parent < 0 || !strcmp(name, ".")) return parent;
  fd = make_last(parent, head, name, kind, budget);
  int error = errno;
  close(parent);
  errno = error;
  return fd;
}

/* The directory that holds `path`, made where it is missing, and the last name of `path`. */
int parent_in_root(const char *path, const char **name) {
  char head[PATH_MAX];
  *name = split(path, head);
  if (!*name || !**name || !strcmp(*name, ".") || !strcmp(*name, "..")) {
    errno = EINVAL;
    return because("not a name inside the root");
  }
  static char kept[NAME_MAX + 1];
  *name = strcpy(kept, *name);
  int parent = make_in_root(head, S_IFDIR, 255);
  return parent < 0 ? because("open %s", head) : parent;
}

/* Attaches a detached mount at the target's descriptor; closes both. */
int attach(int mount, int target, const char *name) {
  int result = target < 0 ? because("open target %s", name) : 0;
  if (result == 0 && k_move_mount(mount, target, "", BOTH_EMPTY))
    result = because("move_mount to %s", name);
  int error = errno;
  if (target >= 0) close(target);
  close(mount);
  errno = error;
  return result;
}

int open_root(const struct operation *o) {
  int fd = open(text(o, OPEN_ROOT_PATH), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return because("open");
  if (self.section == CHILD && !is_mount_root(fd, "")) {
    int tree = k_open_tree(fd, "", AT_EMPTY_PATH | AT_RECURSIVE);
    if (tree < 0) return because("open_tree");
    if (k_move_mount(tree, fd, "", BOTH_EMPTY)) return because("move_mount");
    close(fd);
    fd = tree;
  }
  if (self.root >= 0) close(self.root);
  self.root = fd;
  return 0;
}

int mount_in_root(const struct operation *o) {
  const char *target = text(o, MOUNT_IN_ROOT_TARGET), *type = text(o, MOUNT_IN_ROOT_TYPE);
  int mount = new_mount(o);
  if (mount < 0) return -1;
  int fd = make_in_root(target, S_IFDIR, 255);
  /* What masks and protects /proc and /sys names them again: a link would let it miss them. */
  if (fd >= 0 && (!strcmp(type, "proc") || !strcmp(type, "sysfs"))) {
    close(fd);
    fd = k_openat2(self.root, target, O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
  }
  return attach(mount, fd, target);
}

int bind_in_root(const struct operation *o) {
  const char *target = text(o, BIND_IN_ROOT_TARGET);
  unsigned recursive = number(o, BIND_IN_ROOT_RECURSIVE) ? AT_RECURSIVE : 0;
  int tree = k_open_tree(AT_FDCWD, text(o, BIND_IN_ROOT_SOURCE), recursive);
  if (tree < 0) return because("open_tree %s", text(o, BIND_IN_ROOT_SOURCE));
  struct stat s;
  if (fstat(tree, &s) || set_attributes(tree, "", AT_EMPTY_PATH | recursive,
                                        (uint64_t)number(o, BIND_IN_ROOT_ATTRIBUTES),
                                        (uint64_t)number(o, BIND_IN_ROOT_PROPAGATION))) {
    close(tree);
    return -1;
  }
  int fd = make_in_root(target, S_ISDIR(s.st_mode) ? S_IFDIR : S_IFREG, 255);
  return attach(tree, fd, target);
}

/* /dev/null is bound from the host's tree, and only if it is the device that it should be. */
static int null_device(void) {
  struct stat s;
  int fd = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &s)) return because("open /dev/null");
  if (!S_ISCHR(s.st_mode) || s.st_rdev != makedev(1, 3)) {
    close(fd);
    errno = EINVAL;
    return because("/dev/null is not the null device");
  }
  int tree = k_open_tree(fd, "", AT_EMPTY_PATH);
  close(fd);
  return tree < 0 ? because("open_tree /dev/null") : tree;
}

static int empty_directory(void) {
  int fs = k_fsopen("tmpfs");
  int mount = -1;
  if (fs >= 0 && !k_fsconfig(fs, FSCONFIG_SET_STRING, "nr_inodes", "1") &&
      !k_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL))
    mount = k_fsmount(fs, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                              MOUNT_ATTR_NOEXEC);
  if (mount < 0) because("tmpfs");
  if (fs >= 0) close(fs);
  return mount;
}

int mask_in_root(const struct operation *o) {
  const char *path = text(o, MASK_IN_ROOT_PATH);
  struct stat s;
  int fd = in_root(path, 0);
  if (fd < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : because("open");
  int mount = fstat(fd, &s) ? -1 : S_ISDIR(s.st_mode) ? empty_directory() : null_device();
  if (mount >= 0) return attach(mount, fd, path);
  close(fd);
  return -1;
}

int read_only_in_root(const struct operation *o) {
  const char *path = text(o, READ_ONLY_IN_ROOT_PATH);
  int fd = in_root(path, 0);
  if (fd < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : because("open");
  int tree = k_open_tree(fd, "", AT_EMPTY_PATH | AT_RECURSIVE);
  if (tree < 0) return because("open_tree");
  if (set_attributes(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, MOUNT_ATTR_RDONLY, 0)) return -1;
  return attach(tree, fd, path);
}

int open_current_root(void) {
  self.root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  return self.root < 0 ? because("open /") : 0;
}

int enter_root(const struct operation *o) {
  (void)o;
  if (self.root < 0 || fchdir(self.root)) return because("no root is open");
  if (k_pivot_root(".", ".")) return because("pivot_root");
  /* The old root now lies over the new one, and `.` is it: pivot_root(2), NOTES. */
  if (umount2(".", UNMOUNT_DETACH_FLAG)) return because("umount2");
  if (chdir("/")) return because("chdir");
  close(self.root);
  return open_current_root();
}

int change_directory(const struct operation *o) {
  char where[PATH_MAX];
  int fd = make_in_root(text(o, CHANGE_DIRECTORY_PATH), S_IFDIR, 255);
  if (fd < 0 || fchdir(fd)) return because("chdir");
  close(fd);
  if (syscall(SYS_getcwd, where, sizeof where) > 0 && *where == '/') return 0;
  errno = ENOENT;
  return because("the directory lies outside the root");
}

/*
 * Through a procfs that nobody else can reach, so that nothing in the container's /proc can
 * redirect the write; where user namespaces forbid that, through /proc after it was verified.
 */
static int open_procfs(void) {
  int fs = k_fsopen("proc"), fd = -1;
  if (fs >= 0 && !k_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL)) fd = k_fsmount(fs, 0);
  if (fs >= 0) close(fs);
  if (fd >= 0) return fd;
  struct statfs s;
  struct stat root;
  fd = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 || fstatfs(fd, &s) || fstat(fd, &root)) return because("open /proc");
  if (s.f_type == PROC_SUPER_MAGIC && root.st_ino == 1) return fd;
  close(fd);
  errno = EXDEV;
  return because("/proc is not procfs");
}

int set_sysctl(const struct operation *o) {
  char path[PATH_MAX];
  if (snprintf(path, sizeof path, "sys/%s", text(o, SET_SYSCTL_NAME)) >= PATH_MAX) {
    errno = ENAMETOOLONG;
    return -1;
  }
  int proc = open_procfs();
  if (proc < 0) return -1;
  int fd = k_openat2(proc, path, O_WRONLY,
                     RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
  int error = errno;
  close(proc);
  errno = error;
  if (fd < 0) return because("open %s", path);
  int result = write_fully(fd, text(o, SET_SYSCTL_DATA), o->argument[SET_SYSCTL_DATA].size - 1);
  close(fd);
  return result;
}
