/* A tree copied into another, with owners, modes, times and what stands for devices; names are never followed. */
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>

#include "nacre.h"

static int copy_owner(int to, const char *name, const struct stat *s) {
  struct timespec times[2] = {s->st_atim, s->st_mtim};
  if (fchownat(to, name, s->st_uid, s->st_gid, AT_SYMLINK_NOFOLLOW)) return because("chown %s", name);
  if (!S_ISLNK(s->st_mode) && fchmodat(to, name, s->st_mode & 07777, 0)) return because("chmod %s", name);
  return checked(utimensat(to, name, times, AT_SYMLINK_NOFOLLOW), "utimensat");
}

static int copy_file(int from, int to, const char *name) {
  OWNED source = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  OWNED target = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (source < 0 || target < 0) return because("copy %s", name);
  for (ssize_t n; (n = sendfile(target, source, NULL, 1 << 20));)
    if (n < 0) return because("copy %s", name);
  return 0;
}

static int copy_link(int from, int to, const char *name) {
  char where[PATH_MAX];
  ssize_t size = readlinkat(from, name, where, sizeof where - 1);
  if (size < 0) return because("readlink %s", name);
  where[size] = 0;
  return checked(symlinkat(where, to, name), "symlink");
}

static int copy_directory(int from, int to, const char *name) {
  OWNED source = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (source < 0 || mkdirat(to, name, 0700)) return because("mkdir %s", name);
  OWNED target = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  return target < 0 ? because("open %s", name) : copy_tree(source, target);
}

static int copy_entry(int from, int to, const char *name) {
  struct stat s;
  int result;
  if (fstatat(from, name, &s, AT_SYMLINK_NOFOLLOW)) return because("stat %s", name);
  switch (s.st_mode & S_IFMT) {
  case S_IFREG: result = copy_file(from, to, name); break;
  case S_IFDIR: result = copy_directory(from, to, name); break;
  case S_IFLNK: result = copy_link(from, to, name); break;
  default: result = checked(mknodat(to, name, s.st_mode & (S_IFMT | 0600), s.st_rdev), "mknod");
  }
  return result ? result : copy_owner(to, name, &s);
}

int copy_tree(int from, int to) {
  OWNED again = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *entries = again < 0 ? NULL : fdopendir(again);
  int result = entries ? 0 : because("opendir");
  if (entries) again = -1; /* closed with it */
  for (struct dirent *entry; result == 0 && (entry = readdir(entries));)
    if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
      result = copy_entry(from, to, entry->d_name);
  int error = errno;
  if (entries) closedir(entries);
  errno = error;
  return result;
}
