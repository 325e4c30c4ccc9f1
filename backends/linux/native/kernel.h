/* System calls that the C libraries of the last five years do not all wrap, and owned descriptors. */
#ifndef NACRE_KERNEL_H
#define NACRE_KERNEL_H

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALL(name, parameters, ...) \
  static inline int k_##name parameters { return (int)syscall(SYS_##name, __VA_ARGS__); }
CALL(fsconfig, (int fs, unsigned step, const char *k, const char *v), fs, step, k, v, 0)
CALL(open_tree, (int at, const char *path, unsigned flags), at, path,
     flags | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)
CALL(move_mount, (int mount, int at, const char *path), mount, "", at, path,
     MOVE_MOUNT_F_EMPTY_PATH | (*path ? 0 : MOVE_MOUNT_T_EMPTY_PATH))
CALL(pidfd_send_signal, (int pidfd, int number), pidfd, number, NULL, 0)
CALL(close_range, (unsigned first, unsigned flags), first, ~0U, flags)
/* To SIG_DFL, also the two that a C library keeps to itself and its posix_spawn(3) ignores. */
CALL(rt_sigaction, (int number), number, (long[4]){0}, NULL, 8)
CALL(openat2, (int at, const char *path, uint64_t flags, uint64_t resolve), at, path,
     (&(struct open_how){.flags = flags | O_CLOEXEC, .resolve = resolve}), sizeof(struct open_how))

/* Declared here: their headers clash with those of linux/. */
int umount2(const char *target, int flags);
int setns(int fd, int kind);
int unshare(int flags);
enum { UNMOUNT_DETACHED = 2, UNMOUNT_NO_FOLLOW = 8 };

/* A descriptor that is closed where its name ends, whatever happens there; errno stays. */
static inline void close_owned(const int *fd) {
  int error = errno;
  if (*fd >= 0) close(*fd);
  errno = error;
}
#define OWNED __attribute__((cleanup(close_owned))) int

#endif
