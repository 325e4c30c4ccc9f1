/* Mounts of the current mount namespace, and mounts that many containers share. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "nacre.h"
#include "operations.h"

bool is_mount_root(int at, const char *path) {
  struct statx s;
  int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*path ? 0 : AT_EMPTY_PATH);
  return statx(at, path, flags, 0, &s) == 0 && (s.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

/* What the file system had to say, one message a read(2) of its context (fsopen(2)). */
static int refused(int fs, const char *step) {
  char said[300] = "", line[256];
  int error = errno;
  for (ssize_t n; (n = read(fs, line, sizeof line - 1)) > 0;) {
    line[n] = 0;
    snprintf(said, sizeof said, ": %s", n > 2 ? line + 2 : line);
  }
  close(fs);
  errno = error;
  return because("%s%s", step, said);
}

/* A detached mount of the description in the operation's first four arguments. */
int new_mount(const struct operation *o) {
  char step[160];
  int fs = k_fsopen(text(o, MOUNT_TYPE));
  if (fs < 0) return because("fsopen %s", text(o, MOUNT_TYPE));
  const char *source = text(o, MOUNT_SOURCE);
  if (*source && k_fsconfig(fs, FSCONFIG_SET_STRING, "source", source))
    return refused(fs, "fsconfig source");
  for (const char *s = NULL; (s = next_string(&o->argument[MOUNT_OPTIONS], s));) {
    const char *equals = strchr(s, '=');
    char *key = strndup(s, equals ? (size_t)(equals - s) : strlen(s));
    if (!key) return refused(fs, "fsconfig");
    int result = equals ? k_fsconfig(fs, FSCONFIG_SET_STRING, key, equals + 1)
                        : k_fsconfig(fs, FSCONFIG_SET_FLAG, key, NULL);
    snprintf(step, sizeof step, "fsconfig %s", key);
    free(key);
    if (result) return refused(fs, step);
  }
  if (k_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL)) return refused(fs, "create");
  int mount = k_fsmount(fs, (unsigned)number(o, MOUNT_ATTRIBUTES));
  if (mount < 0) return refused(fs, "fsmount");
  close(fs);
  return mount;
}

int mount_at(const struct operation *o) {
  int mount = new_mount(o);
  if (mount < 0) return -1;
  int result = k_move_mount(mount, AT_FDCWD, text(o, MOUNT_TARGET), 0);
  close(mount);
  return result ? because("move_mount") : 0;
}

int unmount(const struct operation *o) {
  int flags = UNMOUNT_NOFOLLOW_FLAG | (number(o, UNMOUNT_DETACH) ? UNMOUNT_DETACH_FLAG : 0);
  if (umount2(text(o, UNMOUNT_TARGET), flags) == 0 || errno == EINVAL || errno == ENOENT) return 0;
  return because("umount2");
}

int set_attributes(int at, const char *path, unsigned flags, uint64_t set, uint64_t propagation) {
  struct mount_attr attributes = {.attr_set = set, .propagation = propagation};
  if (set & MOUNT_ATTR__ATIME) attributes.attr_clr = MOUNT_ATTR__ATIME;
  if (!set && !propagation) return 0;
  return k_mount_setattr(at, path, flags, &attributes) ? because("mount_setattr") : 0;
}

int set_propagation(const struct operation *o) {
  unsigned flags = number(o, SET_PROPAGATION_RECURSIVE) ? AT_RECURSIVE : 0;
  uint64_t propagation = (uint64_t)number(o, SET_PROPAGATION_FLAG);
  return set_attributes(AT_FDCWD, text(o, SET_PROPAGATION_PATH), flags, 0, propagation);
}

int set_mount_attributes(const struct operation *o) {
  uint64_t set = (uint64_t)number(o, SET_MOUNT_ATTRIBUTES_ATTRIBUTES);
  return set_attributes(AT_FDCWD, text(o, SET_MOUNT_ATTRIBUTES_PATH), 0, set, 0);
}

/*
 * Sharing. Whoever uses the mount holds a shared flock on the lock file for as long as it lives;
 * who mounts or unmounts holds it exclusively. Nobody waits for an exclusive lock, because users
 * keep theirs for hours. The last user removes the lock file while it holds it exclusively, so a
 * lock counts only while its name still leads to the same inode. Turning one kind of lock into
 * the other is not atomic (flock(2)): what was true before is looked at again after.
 */
struct share {
  struct share *next;
  int fd;
  char lock[];
};
static struct share *shares;

static bool still_named(int fd, const char *path) {
  struct stat open_file, named;
  return fstat(fd, &open_file) == 0 && lstat(path, &named) == 0 &&
         open_file.st_ino == named.st_ino && open_file.st_dev == named.st_dev;
}

/* With the exclusive lock: takes away what is there, the lock file last. */
static int take_down(const char *lock, const char *target) {
  int result = 0;
  if (umount2(target, UNMOUNT_NOFOLLOW_FLAG | UNMOUNT_DETACH_FLAG) && errno != EINVAL &&
      errno != ENOENT)
    result = because("umount2");
  else if (rmdir(target) && errno != ENOENT)
    result = because("rmdir");
  unlink(lock);
  return result;
}

/* With the exclusive lock: mounts, unless a mount outlived those who used it. */
static int put_up(const struct operation *o, const char *lock, const char *target) {
  if (is_mount_root(AT_FDCWD, target)) return 0;
  int mount = -1, result = -1;
  if (mkdir(target, 0755) && errno != EEXIST)
    because("mkdir");
  else if ((mount = new_mount(o)) >= 0 && (result = k_move_mount(mount, AT_FDCWD, target, 0)))
    because("move_mount");
  int error = errno;
  if (mount >= 0) close(mount);
  if (result == 0) return 0;
  rmdir(target);
  unlink(lock);
  errno = error;
  return -1;
}

/* 1: this process is a user now; 0: try again; -1: failed. Owns fd unless it returns 1. */
static int try_to_share(const struct operation *o, int fd, const char *lock, const char *target) {
  int result = 0;
  if (flock(fd, LOCK_SH)) result = because("flock");
  else if (still_named(fd, lock) && is_mount_root(AT_FDCWD, target)) return 1;
  else if (flock(fd, LOCK_EX | LOCK_NB) == 0 && still_named(fd, lock)) {
    result = put_up(o, lock, target);
    if (result == 0 && flock(fd, LOCK_SH) == 0 && still_named(fd, lock) &&
        is_mount_root(AT_FDCWD, target))
      return 1;
  }
  int error = errno;
  close(fd);
  errno = error;
  return result;
}

int share_mount(const struct operation *o) {
  const char *lock = text(o, SHARE_MOUNT_LOCK), *target = text(o, SHARE_MOUNT_TARGET);
  for (int tries = 0; tries < 5000; tries++) {
    if (tries) usleep(1000);
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return because("open %s", lock);
    int shared = try_to_share(o, fd, lock, target);
    if (shared == 0) continue;
    if (shared < 0) return -1;
    struct share *share = malloc(sizeof *share + strlen(lock) + 1);
    if (!share) return because("malloc");
    *share = (struct share){shares, fd};
    strcpy(share->lock, lock);
    shares = share;
    return 0;
  }
  errno = EBUSY;
  return because("%s is in use, but %s is not mounted", lock, target);
}

int release_mount(const struct operation *o) {
  const char *lock = text(o, RELEASE_MOUNT_LOCK);
  struct share **at = &shares;
  while (*at && strcmp((*at)->lock, lock)) at = &(*at)->next;
  struct share *mine = *at;
  int fd = mine ? mine->fd : open(lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return errno == ENOENT ? 0 : because("open %s", lock);
  if (mine) {
    *at = mine->next;
    free(mine);
  }
  int result = 0;
  if (flock(fd, LOCK_EX | LOCK_NB) == 0 && still_named(fd, lock))
    result = take_down(lock, text(o, RELEASE_MOUNT_TARGET));
  close(fd);
  return result;
}
