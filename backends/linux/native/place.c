/* Filling a tree with what a layer holds, inside the opened root. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "nacre.h"
#include "operations.h"

/* Owner, bits and time stand at the same positions in every operation that has them. */
enum { PATH, MODE, UID, GID, SECONDS, NANOSECONDS };

static int set_times(int at, const char *name, int64_t seconds, int64_t nanoseconds) {
  struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};
  if (nanoseconds >= 0) times[1] = (struct timespec){seconds, nanoseconds};
  return checked(utimensat(at, name, times, AT_SYMLINK_NOFOLLOW), "utimensat");
}

/* The bits after the owner: chown(2) takes setuid and setgid away. */
static int set_owner(int parent, const char *name, int fd, const struct operation *o) {
  uid_t uid = (uid_t)number(o, UID);
  gid_t gid = (gid_t)number(o, GID);
  if (fchownat(parent, name, uid, gid, AT_SYMLINK_NOFOLLOW)) return because("chown");
  if (fd >= 0 && fchmod(fd, (mode_t)number(o, MODE))) return because("chmod");
  return set_times(parent, name, number(o, SECONDS), number(o, NANOSECONDS));
}

/* Copies a range of bytes in the kernel; between file systems, through it. */
static int copy(int from, off_t offset, int to, int64_t left) {
  while (left > 0) {
    size_t size = (size_t)(left < 1 << 30 ? left : 1 << 30);
    ssize_t n = copy_file_range(from, &offset, to, NULL, size, 0);
    if (n < 0) n = sendfile(to, from, &offset, size);
    if (n == 0) errno = EIO;
    if (n <= 0) return because(n ? "copy" : "the source is too short");
    left -= n;
  }
  return 0;
}

/* Thousands of files come from one tar: it stays open. */
static int open_source(const char *path) {
  static int last = -1;
  static char name[PATH_MAX];
  if (last >= 0 && !strcmp(name, path)) return last;
  if (last >= 0) close(last);
  snprintf(name, sizeof name, "%s", path);
  return last = open(path, O_RDONLY | O_CLOEXEC);
}

static int fill(const struct operation *o, int to) {
  if (o->code == OP_PLACE_TEXT)
    return write_fully(to, text(o, PLACE_TEXT_DATA), length(o, PLACE_TEXT_DATA));
  const struct argument *segments = &o->argument[PLACE_FILE_SEGMENTS];
  int from = open_source(text(o, PLACE_FILE_FILE));
  if (from < 0) return because("open %s", text(o, PLACE_FILE_FILE));
  int64_t size = 0;
  for (size_t i = 0; i + 1 < segments->size / 8; i += 2) {
    int64_t offset = word(segments, i), bytes = word(segments, i + 1);
    errno = EINVAL;
    if (bytes < 0 || size > INT64_MAX - bytes) return because("segment %zu", i / 2);
    if (offset < 0 ? lseek(to, size + bytes, SEEK_SET) < 0 : copy(from, offset, to, bytes) != 0)
      return because("copy");
    size += bytes;
  }
  return checked(ftruncate(to, size), "ftruncate");
}

static int place_file(const struct operation *o, int parent, const char *name) {
  OWNED fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return because("create");
  return fill(o, fd) ? -1 : set_owner(parent, name, fd, o);
}

static int place_directory(const struct operation *o, int parent, const char *name) {
  if (mkdirat(parent, name, 0700) && errno != EEXIST) return because("mkdir");
  OWNED fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  return fd < 0 ? because("open") : set_owner(parent, name, fd, o);
}

static int place_node(const struct operation *o, int parent, const char *name) {
  unsigned major = (unsigned)number(o, PLACE_NODE_MAJOR), minor = (unsigned)number(o, PLACE_NODE_MINOR);
  mode_t mode = (mode_t)(number(o, PLACE_NODE_KIND) | (number(o, MODE) & 07777));
  if (mknodat(parent, name, mode, makedev(major, minor))) return because("mknod");
  return set_owner(parent, name, -1, o);
}

static int place_hard_link(const struct operation *o, int parent, const char *name) {
  char existing[NAME_MAX + 1];
  OWNED from = parent_in_root(text(o, PLACE_HARD_LINK_EXISTING), existing);
  return from < 0 ? -1 : checked(linkat(from, existing, parent, name, 0), "link");
}

/* There is no lsetxattr(2) at a descriptor before 6.13: by its name in the current directory. */
static int place_attribute(const struct operation *o, int parent, const char *name) {
  const struct argument *value = &o->argument[PLACE_ATTRIBUTE_VALUE];
  const char *key = text(o, PLACE_ATTRIBUTE_NAME);
  int result = fchdir(parent) ? -1 : lsetxattr(name, key, value->data, value->size, 0);
  int error = errno;
  if (chdir("/")) return because("chdir");
  errno = error;
  return result ? because("lsetxattr %s", key) : 0;
}

int place(const struct operation *o) {
  char name[NAME_MAX + 1] = ".";
  bool is_root = strspn(text(o, PATH), "/.") == strlen(text(o, PATH));
  bool directory = o->code == OP_PLACE_DIRECTORY || o->code == OP_PLACE_TIMES;
  OWNED parent = is_root && directory ? in_root("/", 0) : parent_in_root(text(o, PATH), name);
  if (parent < 0) return because("open");
  if (o->code == OP_PLACE_TIMES)
    return set_times(parent, name, number(o, PLACE_TIMES_SECONDS), number(o, PLACE_TIMES_NANOSECONDS));
  if (o->code == OP_PLACE_ATTRIBUTE) return place_attribute(o, parent, name);
  if (unlinkat(parent, name, 0) && errno != ENOENT && errno != EISDIR) return because("unlink");
  switch (o->code) {
  case OP_PLACE_DIRECTORY: return place_directory(o, parent, name);
  case OP_PLACE_NODE: return place_node(o, parent, name);
  case OP_PLACE_HARD_LINK: return place_hard_link(o, parent, name);
  case OP_PLACE_SYMLINK:
    if (symlinkat(text(o, PLACE_SYMLINK_TEXT), parent, name)) return because("symlink");
    return set_owner(parent, name, -1, o);
  default: return place_file(o, parent, name);
  }
}
