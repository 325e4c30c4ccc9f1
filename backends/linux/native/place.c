/* Filling a tree with what a layer holds, and taking a tree away. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "nacre.h"
#include "operations.h"

/* Owner, bits and time stand at the same positions in every operation that has them. */
enum { PATH = 0, MODE, UID, GID, SECONDS, NANOSECONDS };

int write_fully(int fd, const char *data, size_t size) {
  while (size > 0) {
    ssize_t n = write(fd, data, size);
    if (n <= 0) return because("write");
    data += n;
    size -= (size_t)n;
  }
  return 0;
}

/* Opens the parent of the operation's path, and removes a non-directory that has its name. */
static int make_room(const struct operation *o, const char **name) {
  int parent = parent_in_root(text(o, PATH), name);
  if (parent < 0) return -1;
  if (unlinkat(parent, *name, 0) == 0 || errno == ENOENT || errno == EISDIR) return parent;
  close(parent);
  return because("unlink");
}

static int set_times(int at, const char *name, int64_t seconds, int64_t nanoseconds) {
  struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};
  if (nanoseconds >= 0) times[1] = (struct timespec){seconds, nanoseconds};
  return utimensat(at, name, times, AT_SYMLINK_NOFOLLOW) ? because("utimensat") : 0;
}

/* The bits after the owner: chown(2) takes setuid and setgid away. */
static int set_owner(int parent, const char *name, int fd, const struct operation *o) {
  uid_t uid = (uid_t)number(o, UID);
  gid_t gid = (gid_t)number(o, GID);
  if (fchownat(parent, name, uid, gid, AT_SYMLINK_NOFOLLOW)) return because("chown");
  if (fd >= 0 && fchmod(fd, (mode_t)number(o, MODE))) return because("chmod");
  return set_times(parent, name, number(o, SECONDS), number(o, NANOSECONDS));
}

static int closed(int result, int a, int b) {
  int error = errno;
  if (a >= 0) close(a);
  if (b >= 0) close(b);
  errno = error;
  return result;
}

/* The root itself is a directory that can be given an owner, too. */
int place_directory(const struct operation *o) {
  const char *name = ".";
  bool is_root = strspn(text(o, PATH), "/.") == strlen(text(o, PATH));
  int parent = is_root ? in_root("/", 0) : make_room(o, &name);
  if (parent < 0) return -1;
  if (mkdirat(parent, name, 0700) && errno != EEXIST)
    return closed(because("mkdir"), parent, -1);
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return closed(because("open"), parent, -1);
  return closed(set_owner(parent, name, fd, o), parent, fd);
}

/* Copies a range of bytes in the kernel; between file systems, through it. */
static int copy(int from, off_t offset, int to, int64_t length) {
  while (length > 0) {
    size_t size = (size_t)(length < 1 << 30 ? length : 1 << 30);
    ssize_t n = copy_file_range(from, &offset, to, NULL, size, 0);
    if (n < 0) n = sendfile(to, from, &offset, size);
    if (n < 0) return because("copy");
    if (n == 0) {
      errno = EIO;
      return because("the source is too short");
    }
    length -= n;
  }
  return 0;
}

static int fill(int from, int to, const struct argument *segments) {
  int64_t size = 0;
  for (size_t i = 0; i + 1 < segments->size / 8; i += 2) {
    int64_t offset = word(segments, i), length = word(segments, i + 1);
    if (length < 0 || size > INT64_MAX - length) {
      errno = EINVAL;
      return because("segment %zu", i / 2);
    }
    if (offset < 0 ? lseek(to, size + length, SEEK_SET) < 0 : copy(from, offset, to, length))
      return -1;
    size += length;
  }
  return ftruncate(to, size) ? because("ftruncate") : 0;
}

/* Thousands of files come from one tar: it stays open. */
static int open_source(const char *path) {
  static int last = -1;
  static char name[PATH_MAX];
  if (last >= 0 && !strcmp(name, path)) return last;
  if (last >= 0) close(last);
  last = open(path, O_RDONLY | O_CLOEXEC);
  snprintf(name, sizeof name, "%s", path);
  return last < 0 ? because("open %s", path) : last;
}

static int new_file(int parent, const char *name) {
  int fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  return fd < 0 ? because("create") : fd;
}

int place_file(const struct operation *o) {
  const char *name;
  int from = open_source(text(o, PLACE_FILE_FILE));
  int parent = from < 0 ? -1 : make_room(o, &name);
  if (parent < 0) return -1;
  int fd = new_file(parent, name);
  int result = fd < 0 ? -1 : fill(from, fd, &o->argument[PLACE_FILE_SEGMENTS]);
  return closed(result ? result : set_owner(parent, name, fd, o), parent, fd);
}

int place_text(const struct operation *o) {
  const char *name;
  int parent = make_room(o, &name);
  if (parent < 0) return -1;
  int fd = new_file(parent, name);
  const struct argument *data = &o->argument[PLACE_TEXT_DATA];
  int result = fd < 0 ? -1 : write_fully(fd, data->data, data->size - 1);
  return closed(result ? result : set_owner(parent, name, fd, o), parent, fd);
}

int place_symlink(const struct operation *o) {
  const char *name;
  int parent = make_room(o, &name);
  if (parent < 0) return -1;
  int result = symlinkat(text(o, PLACE_SYMLINK_TEXT), parent, name) ? because("symlink") : 0;
  return closed(result ? result : set_owner(parent, name, -1, o), parent, -1);
}

int place_hard_link(const struct operation *o) {
  const char *name;
  int from = parent_in_root(text(o, PLACE_HARD_LINK_EXISTING), &name);
  if (from < 0) return -1;
  char existing[NAME_MAX + 1];
  strcpy(existing, name);
  int parent = make_room(o, &name);
  if (parent < 0) return closed(-1, from, -1);
  return closed(linkat(from, existing, parent, name, 0) ? because("link") : 0, parent, from);
}

int place_node(const struct operation *o) {
  const char *name;
  int parent = make_room(o, &name);
  if (parent < 0) return -1;
  dev_t device = makedev((unsigned)number(o, PLACE_NODE_MAJOR), (unsigned)number(o, PLACE_NODE_MINOR));
  mode_t mode = (mode_t)number(o, MODE) & 07777;
  if (mknodat(parent, name, (mode_t)number(o, PLACE_NODE_KIND) | mode, device))
    return closed(because("mknod"), parent, -1);
  return closed(set_owner(parent, name, -1, o), parent, -1);
}

/* There is no lsetxattr(2) at a descriptor before 6.13: by its name in the current directory. */
int place_attribute(const struct operation *o) {
  const char *name;
  const struct argument *value = &o->argument[PLACE_ATTRIBUTE_VALUE];
  int parent = parent_in_root(text(o, PATH), &name);
  if (parent < 0) return -1;
  int result = fchdir(parent) ? because("chdir") : 0;
  if (result == 0 && lsetxattr(name, text(o, PLACE_ATTRIBUTE_NAME), value->data, value->size, 0))
    result = because("lsetxattr %s", text(o, PLACE_ATTRIBUTE_NAME));
  int error = errno;
  if (chdir("/")) result = because("chdir");
  else errno = error;
  return closed(result, parent, -1);
}

int place_times(const struct operation *o) {
  const char *name = ".";
  bool is_root = strspn(text(o, PATH), "/.") == strlen(text(o, PATH));
  int parent = is_root ? in_root("/", 0) : parent_in_root(text(o, PATH), &name);
  if (parent < 0) return -1;
  int64_t seconds = number(o, PLACE_TIMES_SECONDS);
  return closed(set_times(parent, name, seconds, number(o, PLACE_TIMES_NANOSECONDS)), parent, -1);
}

/*
 * Empties a directory. Names are not followed and mounts not crossed (EXDEV). What lies deeper
 * than 64 levels is first moved up to `top`: a container may have nested without end.
 */
static int remove_below(int top, int fd, const char *name, int depth);
static int empty(int top, int fd, int depth) {
  static unsigned moved;
  union { char bytes[4096]; uint64_t aligned; } buffer;
  bool some = true;
  while (some) { /* entries vanish under the cursor: again, until nothing is found */
    some = false;
    if (lseek(fd, 0, SEEK_SET) < 0) return because("lseek");
    for (long size; (size = syscall(SYS_getdents64, fd, buffer.bytes, sizeof buffer)) != 0;) {
      if (size < 0) return because("getdents64");
      for (long at = 0; at < size;) {
        struct dirent64 *entry = (struct dirent64 *)(buffer.bytes + at);
        at += entry->d_reclen;
        const char *name = entry->d_name;
        if (!strcmp(name, ".") || !strcmp(name, "..")) continue;
        some = true;
        if (unlinkat(fd, name, 0) == 0) continue;
        if (errno != EISDIR) return because("unlink %s", name);
        char other[32];
        snprintf(other, sizeof other, ".nacre-%d-%u", (int)getpid(), moved++);
        if (depth > 64 && renameat(fd, name, top, other) == 0) continue;
        if (remove_below(top, fd, name, depth)) return -1;
      }
    }
  }
  return 0;
}

static int remove_below(int top, int fd, const char *name, int depth) {
  int below = k_openat2(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                        RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
  if (below < 0) return because("open %s", name);
  if (closed(empty(top, below, depth + 1), below, -1)) return -1;
  return unlinkat(fd, name, AT_REMOVEDIR) ? because("rmdir %s", name) : 0;
}

int remove_tree(const struct operation *o) {
  const char *path = text(o, REMOVE_TREE_PATH);
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 && (errno == ENOTDIR || errno == ELOOP)) return unlink(path) ? because("unlink") : 0;
  if (fd < 0) return errno == ENOENT ? 0 : because("open");
  if (is_mount_root(fd, "")) {
    errno = EBUSY;
    return closed(because("something is mounted there"), fd, -1);
  }
  if (closed(empty(fd, fd, 0), fd, -1)) return -1;
  return rmdir(path) ? because("rmdir") : 0;
}
