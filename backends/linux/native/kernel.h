/* System calls that C libraries of the last five years do not all wrap. */
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

#define KERNEL_CALL(name, number, parameters, ...) \
  static inline int name parameters { return (int)syscall(number, __VA_ARGS__); }

KERNEL_CALL(k_fsopen, SYS_fsopen, (const char *type), type, FSOPEN_CLOEXEC)
KERNEL_CALL(k_fsconfig, SYS_fsconfig, (int fs, unsigned command, const char *key, const char *value),
            fs, command, key, value, 0)
KERNEL_CALL(k_fsmount, SYS_fsmount, (int fs, unsigned attributes), fs, FSMOUNT_CLOEXEC, attributes)
KERNEL_CALL(k_open_tree, SYS_open_tree, (int at, const char *path, unsigned flags), at, path,
            flags | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)
KERNEL_CALL(k_move_mount, SYS_move_mount, (int mount, int at, const char *target, unsigned flags),
            mount, "", at, target, flags | MOVE_MOUNT_F_EMPTY_PATH)
KERNEL_CALL(k_mount_setattr, SYS_mount_setattr,
            (int at, const char *path, unsigned flags, struct mount_attr *attributes), at, path,
            flags, attributes, sizeof *attributes)
KERNEL_CALL(k_pidfd_open, SYS_pidfd_open, (int pid), pid, 0)
KERNEL_CALL(k_pidfd_signal, SYS_pidfd_send_signal, (int pidfd, int number), pidfd, number, NULL, 0)
KERNEL_CALL(k_pivot_root, SYS_pivot_root, (const char *to, const char *old), to, old)
KERNEL_CALL(k_close_range, SYS_close_range, (unsigned first, unsigned flags), first, ~0U, flags)
KERNEL_CALL(k_clone3, SYS_clone3, (struct clone_args *arguments), arguments, sizeof *arguments)

static inline int k_openat2(int at, const char *path, uint64_t flags, uint64_t resolve) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = resolve};
  return (int)syscall(SYS_openat2, at, path, &how, sizeof how);
}

/* Of headers that clash with those of linux/. */
int umount2(const char *target, int flags);
int setns(int fd, int kind);
int unshare(int flags);
enum { UNMOUNT_DETACH_FLAG = 2, UNMOUNT_NOFOLLOW_FLAG = 8 };

#endif
