/* Mounts of the current mount namespace, and mounts that many containers share. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "nacre.h"
#include "operations.h"

enum { THROUGH_LOOPS = 1, IN_ONE_PAGE = 2 };                       /* MOUNT_CALL */
enum { MOST_LOOPS = 512, MOST_LAYERS = 500, OPTIONS_SIZE = 4096 }; /* OVL_MAX_STACK, a page */

bool is_mount_root(int at, const char *path) {
  struct statx s;
  int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*path ? 0 : AT_EMPTY_PATH);
  return statx(at, path, flags, 0, &s) == 0 && (s.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

/* With what the file system has to say: one message a read(2) of its context (fsopen(2)). */
static int refused(int fs, const char *step, const char *key) {
  char said[300] = "", line[256];
  int error = errno;
  for (ssize_t n; (n = read(fs, line, sizeof line - 1)) > 2;) {
    line[n] = 0;
    snprintf(said, sizeof said, ": %s", line + 2);
  }
  errno = error;
  return because("%s %s%s", step, key, said);
}

/* The loop devices of one mount, held until it holds them itself. */
struct loops { int count, held[MOST_LOOPS]; };

static void let_go(struct loops *loops) {
  while (loops->count > 0) close_owned(&loops->held[--loops->count]);
}

static int set_string(int fs, const char *key, const char *value) {
  return k_fsconfig(fs, FSCONFIG_SET_STRING, key, value) ? refused(fs, "fsconfig", key) : 0;
}

/* An option that names a file; with `loops` the kernel gets a loop device over it. */
static int set_file(int fs, const char *key, const char *path, struct loops *loops) {
  char name[LOOP_NAME];
  if (!loops) return set_string(fs, key, path);
  errno = EMFILE;
  if (loops->count == MOST_LOOPS) return because("more than %d loop devices", MOST_LOOPS);
  int device = attach_loop(path, name);
  if (device < 0) return -1;
  loops->held[loops->count++] = device;
  return set_string(fs, key, name);
}

static int configure(int fs, const char *option, struct loops *loops) {
  char *key = strdup(option), *value = key ? strchr(key, '=') : NULL;
  if (value) *value++ = 0;
  int result = -1;
  if (value) result = set_file(fs, key, value, strcmp(key, "device") ? NULL : loops);
  else if (key) result = k_fsconfig(fs, FSCONFIG_SET_FLAG, key, NULL);
  if (result && key && !value) refused(fs, "fsconfig", key);
  int error = errno;
  free(key);
  errno = error;
  return result;
}

static int describe(int fs, const struct operation *o, struct loops *loops) {
  const char *type = text(o, MOUNT_TYPE), *source = text(o, MOUNT_SOURCE);
  if (*source && set_file(fs, "source", source, loops)) return -1;
  for (const char *option = NULL; (option = next_string(&o->argument[MOUNT_OPTIONS], option));)
    if (configure(fs, option, loops)) return -1;
  return k_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL) ? refused(fs, "create", type) : 0;
}

/* A detached mount of the description in the operation's first arguments. */
static int new_mount(const struct operation *o) {
  const char *type = text(o, MOUNT_TYPE);
  struct loops loops = {.count = 0};
  OWNED fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
  if (fs < 0) return because("fsopen %s", type);
  int described = describe(fs, o, number(o, MOUNT_CALL) == THROUGH_LOOPS ? &loops : NULL);
  let_go(&loops);
  if (described) return -1;
  int mount = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, (unsigned)number(o, MOUNT_ATTRIBUTES));
  return mount < 0 ? refused(fs, "fsmount", type) : mount;
}

/* A detached mount of a file system that needs no description. */
int empty_mount(const char *type, unsigned attributes) {
  OWNED fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
  if (fs < 0 || k_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL)) return because("fsopen %s", type);
  return (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes);
}

/* The layers of an overlay, opened: their names are as short as the numbers of descriptors. */
struct layers { int count, held[MOST_LAYERS]; };

static int add_option(char options[OPTIONS_SIZE], const char *before, const char *option) {
  size_t size = strlen(options);
  int more = snprintf(options + size, OPTIONS_SIZE - size, "%s%s", before, option);
  errno = E2BIG;
  return size + (size_t)more < OPTIONS_SIZE ? 0 : because("the options do not fit in a page");
}

static int add_layer(char options[OPTIONS_SIZE], struct layers *layers, const char *path) {
  char number[16];
  errno = E2BIG;
  if (layers->count == MOST_LAYERS) return because("more than %d layers", MOST_LAYERS);
  int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return because("open %s", path);
  snprintf(number, sizeof number, "%d", fd);
  bool first = layers->count == 0;
  layers->held[layers->count++] = fd;
  return add_option(options, first ? "lowerdir=" : ":", number);
}

/* Layers come first: the rest is behind them. */
static int page_of(const struct operation *o, char options[OPTIONS_SIZE], struct layers *layers) {
  static const char LAYER[] = "lowerdir+=";
  const struct argument *list = &o->argument[MOUNT_OPTIONS];
  for (const char *option = NULL; (option = next_string(list, option));)
    if (!strncmp(option, LAYER, sizeof LAYER - 1) &&
        add_layer(options, layers, option + sizeof LAYER - 1))
      return -1;
  for (const char *option = NULL; (option = next_string(list, option));)
    if (strncmp(option, LAYER, sizeof LAYER - 1) && add_option(options, *options ? "," : "", option))
      return -1;
  return 0;
}

/* mount(2), for file systems that take all their options in one page, in the directory where a
   descriptor's number is its name. */
static int mount_with_page(const struct operation *o, int at, const char *target) {
  char options[OPTIONS_SIZE] = "", place[32];
  const char *type = text(o, MOUNT_TYPE), *source = text(o, MOUNT_SOURCE);
  uint64_t attributes = (uint64_t)number(o, MOUNT_ATTRIBUTES);
  struct layers layers = {.count = 0};
  snprintf(place, sizeof place, "/proc/self/fd/%d", at);
  int result = page_of(o, options, &layers);
  if (result == 0) result = checked(chdir("/proc/self/fd"), "chdir /proc/self/fd");
  if (result == 0)
    result = checked(syscall(SYS_mount, source, *target ? target : place, type, 0, options), "mount");
  while (layers.count > 0) close_owned(&layers.held[--layers.count]);
  int error = errno;
  if (chdir("/")) return because("chdir");
  errno = error;
  if (result || !attributes) return result;
  /* By name: `at` is what the mount covers. */
  OWNED top = *target ? open(target, O_PATH | O_CLOEXEC) : in_root(text(o, MOUNT_IN_ROOT_TARGET), 0);
  if (top >= 0 && set_attributes(top, "", AT_EMPTY_PATH, attributes, 0) == 0) return 0;
  error = errno;
  snprintf(place, sizeof place, "/proc/self/fd/%d", top);
  umount2(place, UNMOUNT_DETACHED);
  errno = error;
  return because("open the mount");
}

static int mount_on(const struct operation *o, int at, const char *target) {
  if (number(o, MOUNT_CALL) == IN_ONE_PAGE) return mount_with_page(o, at, target);
  OWNED mount = new_mount(o);
  return mount < 0 ? -1 : checked(k_move_mount(mount, at, target), "move_mount");
}

/* What the mount covers is in it before anybody sees it, with the owner and the mode of its top. */
static int mount_with_copy(const struct operation *o, int target) {
  struct stat s;
  OWNED mount = new_mount(o);
  if (mount < 0 || fstat(target, &s)) return because("stat");
  OWNED top = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (top < 0) return because("open the mount");
  if (copy_tree(target, top)) return -1;
  if (fchown(top, s.st_uid, s.st_gid) || fchmod(top, s.st_mode & 07777)) return because("chown");
  return checked(k_move_mount(mount, target, ""), "move_mount");
}

int mount_at(const struct operation *o) { return mount_on(o, AT_FDCWD, text(o, MOUNT_TARGET)); }

int bind_at(const struct operation *o) {
  const char *source = text(o, BIND_SOURCE);
  OWNED tree = k_open_tree(AT_FDCWD, source, 0);
  if (tree < 0) return because("open_tree %s", source);
  if (show_owners(tree, 0, text(o, BIND_UIDS), text(o, BIND_GIDS))) return -1;
  return checked(k_move_mount(tree, AT_FDCWD, text(o, BIND_TARGET)), "move_mount");
}

int remount(const struct operation *o) {
  OWNED fs = (int)syscall(SYS_fspick, AT_FDCWD, text(o, REMOUNT_TARGET), FSPICK_CLOEXEC);
  if (fs < 0) return because("fspick");
  for (const char *option = NULL; (option = next_string(&o->argument[REMOUNT_OPTIONS], option));)
    if (configure(fs, option, NULL)) return -1;
  return k_fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL) ? refused(fs, "reconfigure", "") : 0;
}

int set_attributes(int at, const char *path, unsigned flags, uint64_t set, uint64_t propagation) {
  struct mount_attr attributes = {.attr_set = set, .propagation = propagation};
  if (set & MOUNT_ATTR__ATIME) attributes.attr_clr = MOUNT_ATTR__ATIME;
  if (!set && !propagation) return 0;
  return checked(syscall(SYS_mount_setattr, at, path, flags, &attributes, sizeof attributes),
                 "mount_setattr");
}

int change_mount(const struct operation *o) {
  struct mount_attr attributes = {
    .attr_set = (uint64_t)number(o, SET_MOUNT_ATTRIBUTES_ATTRIBUTES),
    .attr_clr = (uint64_t)number(o, SET_MOUNT_ATTRIBUTES_CLEARED)};
  if (!attributes.attr_set && !attributes.attr_clr) return 0;
  unsigned below = number(o, SET_MOUNT_ATTRIBUTES_RECURSIVE) ? AT_RECURSIVE : 0;
  if ((attributes.attr_set | attributes.attr_clr) & MOUNT_ATTR__ATIME)
    attributes.attr_clr |= MOUNT_ATTR__ATIME;
  return checked(syscall(SYS_mount_setattr, AT_FDCWD, text(o, SET_MOUNT_ATTRIBUTES_PATH), below,
                         &attributes, sizeof attributes), "mount_setattr");
}

/*
 * Sharing. Whoever uses the mount holds a shared flock on the lock file for as long as it lives;
 * who mounts or unmounts holds it exclusively. Nobody waits for an exclusive lock, because users
 * keep theirs for hours. The last user removes the lock file while it holds it exclusively, so a
 * lock counts only while its name still leads to the same inode. Turning one kind of lock into
 * the other is not atomic (flock(2)): what was true before is looked at again after.
 */
static struct share {
  struct share *next;
  int fd;
  char lock[];
} *shares;

static bool still_named(int fd, const char *path) {
  struct stat opened, named;
  return fstat(fd, &opened) == 0 && lstat(path, &named) == 0 && opened.st_ino == named.st_ino &&
         opened.st_dev == named.st_dev;
}

static bool in_use(int fd, const char *lock, const char *target) {
  return flock(fd, LOCK_SH) == 0 && still_named(fd, lock) && is_mount_root(AT_FDCWD, target);
}

/* With the exclusive lock: takes away what is there, the lock file last. */
static int take_down(const char *lock, const char *target) {
  bool gone = umount2(target, UNMOUNT_NO_FOLLOW | UNMOUNT_DETACHED) == 0 || errno == EINVAL;
  if (!gone && errno != ENOENT) return because("umount2");
  int result = rmdir(target) && errno != ENOENT ? because("rmdir") : 0;
  unlink(lock);
  return result;
}

/* 1: this process is a user now; 0: somebody was faster, try again; -1: it cannot be mounted. */
static int try_to_share(const struct operation *o, int fd, const char *lock, const char *target) {
  if (in_use(fd, lock, target)) return 1;
  if (flock(fd, LOCK_EX | LOCK_NB) || !still_named(fd, lock)) return 0;
  if (!is_mount_root(AT_FDCWD, target)) {
    int result = mkdir(target, 0755) && errno != EEXIST ? because("mkdir") : 0;
    if (result || mount_on(o, AT_FDCWD, target)) {
      int error = errno;
      take_down(lock, target);
      errno = error;
      return -1;
    }
  }
  return in_use(fd, lock, target);
}

int share_mount(const struct operation *o) {
  const char *lock = text(o, SHARE_MOUNT_LOCK), *target = text(o, SHARE_MOUNT_TARGET);
  struct share *share = malloc(sizeof *share + strlen(lock) + 1);
  for (int tries = 0; share && tries < 5000; tries++) {
    if (tries) usleep(1000);
    OWNED fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return because("open %s", lock);
    int shared = try_to_share(o, fd, lock, target);
    if (shared < 0) return -1;
    if (shared == 0) continue;
    *share = (struct share){shares, fd};
    strcpy(share->lock, lock);
    shares = share;
    fd = -1; /* kept */
    return 0;
  }
  errno = EBUSY;
  return because("%s is locked, but %s is not mounted", lock, target);
}

int release_mount(const struct operation *o) {
  const char *lock = text(o, RELEASE_MOUNT_LOCK);
  struct share **at = &shares;
  while (*at && strcmp((*at)->lock, lock)) at = &(*at)->next;
  struct share *mine = *at;
  OWNED fd = mine ? mine->fd : open(lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return errno == ENOENT ? 0 : because("open %s", lock);
  if (mine) *at = mine->next;
  free(mine);
  bool last = flock(fd, LOCK_EX | LOCK_NB) == 0 && still_named(fd, lock);
  return last ? take_down(lock, text(o, RELEASE_MOUNT_TARGET)) : 0;
}

/* Whoever hears that a program without a process is done finds its mounts in nobody's use. */
void forget_shares(void) {
  for (struct share *share = shares; share; share = share->next) close(share->fd);
}

int mount_in_root(const struct operation *o) {
  const char *target = text(o, MOUNT_IN_ROOT_TARGET), *type = text(o, MOUNT_IN_ROOT_TYPE);
  OWNED made = make_in_root(target, S_IFDIR, 255);
  if (made < 0) return because("open target");
  /* What masks and protects /proc and /sys names them again: a link would let it miss them. */
  bool plain = strcmp(type, "proc") && strcmp(type, "sysfs");
  uint64_t how = RESOLVE_IN_ROOT | (plain ? RESOLVE_NO_MAGICLINKS : RESOLVE_NO_SYMLINKS);
  OWNED fd = k_openat2(self.root, target, O_PATH, how);
  if (fd < 0) return because("open target");
  return number(o, MOUNT_IN_ROOT_COPY_UP) ? mount_with_copy(o, fd) : mount_on(o, fd, "");
}
