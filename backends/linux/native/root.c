/*
 * Names inside the container's root. A name is resolved once, with RESOLVE_IN_ROOT, to a
 * descriptor, and all that follows works on the descriptor: whatever the container does to the
 * name meanwhile, nothing outside its root is reached.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "nacre.h"
#include "operations.h"

static int resolved(int root, const char *path, uint64_t flags) {
  int fd = -1;
  errno = EAGAIN; /* what it also says when something on the way was renamed meanwhile */
  for (int tries = 0; fd < 0 && errno == EAGAIN && tries < 128; tries++)
    fd = k_openat2(root, path, O_PATH | flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
  return fd;
}

int in_root(const char *path, uint64_t flags) {
  return resolved(self.root, path, flags);
}

/* Writes the directory of `path` to `head` and its last name, without slashes, to `name`. */
static bool split(const char *path, char head[PATH_MAX], char name[NAME_MAX + 1]) {
  size_t end = strlen(path);
  while (end > 1 && path[end - 1] == '/') end--;
  size_t start = end;
  while (start > 0 && path[start - 1] != '/') start--;
  snprintf(name, NAME_MAX + 1, "%.*s", (int)(end - start), path + start);
  snprintf(head, PATH_MAX, "/%.*s", (int)start, path);
  errno = ENAMETOOLONG;
  return end - start <= NAME_MAX && start + 1 < PATH_MAX;
}

/* Opens a path inside the root; what is missing is made: directories, `kind` at its end, and what
   a dangling link names. */
int make_in_root(const char *path, mode_t kind, int budget) {
  char head[PATH_MAX], name[NAME_MAX + 1], link[PATH_MAX];
  int fd = in_root(path, 0);
  if (fd >= 0 || errno != ENOENT || !split(path, head, name)) return fd;
  errno = budget ? ENOENT : ELOOP;
  if (!budget || !*name || !strcmp(name, "..")) return -1;
  OWNED parent = make_in_root(head, S_IFDIR, budget - 1);
  if (parent < 0 || !strcmp(name, ".")) return parent < 0 ? -1 : in_root(head, 0);
  int made = kind == S_IFDIR ? mkdirat(parent, name, 0755) : mknodat(parent, name, S_IFREG | 0644, 0);
  if (made && errno != EEXIST) return -1;
  ssize_t size = made ? readlinkat(parent, name, link, sizeof link - 1) : -1;
  if (size < 0) return openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  link[size] = 0;
  if (*link == '/') return make_in_root(link, kind, budget - 1);
  errno = ENAMETOOLONG;
  if (strlen(head) + (size_t)size + 2 > sizeof head) return -1;
  strcat(strcat(head, "/"), link);
  return make_in_root(head, kind, budget - 1);
}

/* The directory that holds `path`, made where it is missing, and the last name of `path`. */
int parent_in_root(const char *path, char name[NAME_MAX + 1]) {
  char head[PATH_MAX];
  if (!split(path, head, name)) return because("open");
  errno = EINVAL;
  if (!*name || !strcmp(name, ".") || !strcmp(name, "..")) return because("not a name in the root");
  int parent = make_in_root(head, S_IFDIR, 255);
  return parent < 0 ? because("open %s", head) : parent;
}

/* pivot_root(2) needs a mount: a child's root that is a plain directory is bound onto itself. */
static int open_root(const struct operation *o) {
  if (self.root >= 0) close(self.root);
  self.root = open(text(o, OPEN_ROOT_PATH), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (self.root < 0) return because("open");
  if (self.section != CHILD || is_mount_root(self.root, "")) return 0;
  OWNED directory = self.root;
  self.root = k_open_tree(directory, "", AT_EMPTY_PATH | AT_RECURSIVE);
  if (self.root < 0) return because("open_tree");
  return checked(k_move_mount(self.root, directory, ""), "move_mount");
}

/* What lies below a directory that somebody else may be changing: no link leads out of it. */
static int open_source(const char *source, const char *below, unsigned recursive) {
  if (!*below) return k_open_tree(AT_FDCWD, source, recursive);
  OWNED base = open(source, O_PATH | O_DIRECTORY | O_CLOEXEC);
  OWNED fd = base < 0 ? -1 : resolved(base, below, 0);
  return fd < 0 ? -1 : k_open_tree(fd, "", AT_EMPTY_PATH | recursive);
}

static int bind_in_root(const struct operation *o) {
  struct stat s;
  uint64_t attributes = (uint64_t)number(o, BIND_IN_ROOT_ATTRIBUTES);
  uint64_t propagation = (uint64_t)number(o, BIND_IN_ROOT_PROPAGATION);
  unsigned recursive = number(o, BIND_IN_ROOT_RECURSIVE) ? AT_RECURSIVE : 0;
  const char *source = text(o, BIND_IN_ROOT_SOURCE), *below = text(o, BIND_IN_ROOT_SUBPATH);
  OWNED tree = open_source(source, below, recursive);
  if (tree < 0 || fstat(tree, &s)) return because("open_tree %s%s%s", source, *below ? "/" : "", below);
  if (show_owners(tree, recursive, text(o, BIND_IN_ROOT_UIDS), text(o, BIND_IN_ROOT_GIDS))) return -1;
  if (set_attributes(tree, "", AT_EMPTY_PATH | recursive, attributes, propagation)) return -1;
  mode_t kind = S_ISDIR(s.st_mode) ? S_IFDIR : S_IFREG;
  OWNED target = make_in_root(text(o, BIND_IN_ROOT_TARGET), kind, 255);
  return target < 0 ? because("open target") : checked(k_move_mount(tree, target, ""), "move_mount");
}

/* The host's /dev/null, only if it is the device that it should be; for a directory, nothing. */
static int mask_for(mode_t kind) {
  struct stat s;
  if (S_ISDIR(kind))
    return empty_mount("tmpfs", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  OWNED null = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (null < 0 || fstat(null, &s)) return because("open /dev/null");
  errno = ENODEV;
  if (!S_ISCHR(s.st_mode) || s.st_rdev != makedev(1, 3)) return because("/dev/null is another device");
  return k_open_tree(null, "", AT_EMPTY_PATH);
}

static int cover_in_root(const char *path, bool hide) {
  struct stat s;
  OWNED fd = in_root(path, 0);
  if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) return 0;
  if (fd < 0 || fstat(fd, &s)) return because("open");
  OWNED mount = hide ? mask_for(s.st_mode) : k_open_tree(fd, "", AT_EMPTY_PATH | AT_RECURSIVE);
  if (mount < 0) return because("open_tree");
  unsigned flags = AT_EMPTY_PATH | AT_RECURSIVE;
  if (!hide && set_attributes(mount, "", flags, MOUNT_ATTR_RDONLY, 0)) return -1;
  return checked(k_move_mount(mount, fd, ""), "move_mount");
}

/* After pivot_root the old root lies over the new one, and `.` is it: pivot_root(2), NOTES. */
static int enter_root(const struct operation *o) {
  OWNED old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (old < 0 || self.root < 0 || fchdir(self.root)) return because("no root is open");
  if (number(o, ENTER_ROOT_CHROOT)) return checked(chroot("."), "chroot");
  if (syscall(SYS_pivot_root, ".", ".")) return because("pivot_root");
  /* What of it is shared is so with the machine's own mounts: those below would go with it. */
  if (set_attributes(old, "", AT_EMPTY_PATH | AT_RECURSIVE, 0, MS_SLAVE)) return -1;
  if (umount2(".", UNMOUNT_DETACHED) || chdir("/")) return because("umount2");
  close(self.root);
  return checked(self.root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), "open /");
}

static int change_directory(const struct operation *o) {
  char where[PATH_MAX];
  const char *path = text(o, CHANGE_DIRECTORY_PATH);
  bool there = number(o, CHANGE_DIRECTORY_MUST_EXIST);
  OWNED fd = there ? in_root(path, O_DIRECTORY) : make_in_root(path, S_IFDIR, 255);
  if (fd < 0 || fchdir(fd)) return because("chdir");
  errno = ENOENT;
  bool inside = syscall(SYS_getcwd, where, sizeof where) > 0 && *where == '/';
  return inside ? 0 : because("the directory lies outside the root");
}

/* Through a procfs that nobody else can reach: nothing in the container's redirects the write. */
static int set_sysctl(const struct operation *o) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "sys/%s", text(o, SET_SYSCTL_NAME));
  OWNED proc = empty_mount("proc", 0);
  if (proc < 0) return -1;
  OWNED fd = k_openat2(proc, path, O_WRONLY, RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
  if (fd < 0) return because("open %s", path);
  return write_fully(fd, text(o, SET_SYSCTL_DATA), length(o, SET_SYSCTL_DATA));
}

int run_in_root(const struct operation *o) {
  switch (o->code) {
  case OP_OPEN_ROOT: return open_root(o);
  case OP_MOUNT_IN_ROOT: return mount_in_root(o);
  case OP_BIND_IN_ROOT: return bind_in_root(o);
  case OP_MASK_IN_ROOT: return cover_in_root(text(o, MASK_IN_ROOT_PATH), true);
  case OP_READ_ONLY_IN_ROOT: return cover_in_root(text(o, READ_ONLY_IN_ROOT_PATH), false);
  case OP_ENTER_ROOT: return enter_root(o);
  case OP_CHANGE_DIRECTORY: return change_directory(o);
  default: return set_sysctl(o);
  }
}
