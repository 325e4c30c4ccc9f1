/*
 * Mounts that show other owners than their files have (MOUNT_ATTR_IDMAP, mount_setattr(2)). Which,
 * the kernel reads from a user namespace, and those come with a process: one is made that does
 * nothing, its maps are written, the namespace is opened, and the process goes.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "nacre.h"

/* What it opens is open here, too. /proc/self of the host's /proc is the one name by which a process
   of another pid namespace finds itself there; a child has a way to it whatever its root is. */
static void holder(int tell) {
  const char *name = self.proc < 0 ? "/proc/self" : "../self";
  int own = openat(self.proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (write(tell, &own, sizeof own) == sizeof own)
    for (;;) pause();
  _exit(1);
}

static int write_map(int process, const char *name, const char *lines) {
  OWNED fd = openat(process, name, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return because("open %s", name);
  return write_fully(fd, lines, strlen(lines));
}

static int open_namespace(int process, const char *uids, const char *gids) {
  if (write_map(process, "uid_map", uids) || write_map(process, "gid_map", gids)) return -1;
  int fd = openat(process, "ns/user", O_RDONLY | O_CLOEXEC);
  return fd < 0 ? because("open ns/user") : fd;
}

/* The latest one is kept: mounts of one container have the same. */
static struct { char *uids, *gids; int fd; } latest = {.fd = -1};

static int make_id_map(const char *uids, const char *gids) {
  int ends[2], process = -1;
  if (pipe2(ends, O_CLOEXEC)) return because("pipe2");
  pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) holder(ends[1]);
  OWNED from = ends[0], to = ends[1];
  if (pid < 0) return because("clone");
  errno = EIO;
  bool told = read(from, &process, sizeof process) == sizeof process && process >= 0;
  int found = told ? open_namespace(process, uids, gids) : because("open /proc/self");
  int error = errno;
  kill(pid, SIGKILL);
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
  if (process >= 0) close(process);
  errno = error;
  return found;
}

static int id_map(const char *uids, const char *gids) {
  if (latest.fd >= 0 && !strcmp(latest.uids, uids) && !strcmp(latest.gids, gids)) return latest.fd;
  int fd = make_id_map(uids, gids);
  if (fd < 0) return -1;
  if (latest.fd >= 0) close(latest.fd);
  free(latest.uids);
  free(latest.gids);
  latest.uids = strdup(uids);
  latest.gids = strdup(gids);
  latest.fd = latest.uids && latest.gids ? fd : -1;
  return fd;
}

int show_owners(int tree, unsigned recursive, const char *uids, const char *gids) {
  if (!*uids && !*gids) return 0;
  int namespace = id_map(uids, gids);
  if (namespace < 0) return -1;
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)namespace};
  return checked(syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | recursive, &attributes,
                         sizeof attributes), "mount_setattr idmap");
}
