/* What a container tries that no shell can: one attempt a word. Prints what came of it. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static void tell(const char *what, long result) {
  printf("%s %s\n", what, result < 0 ? strerror(errno) : "done");
}

/* A unix socket without a place in any tree: only network namespaces keep them apart. */
static void abstract(const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path + 1, name, sizeof address.sun_path - 2);
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  tell("connect", connect(fd, (struct sockaddr *)&address, size));
}

/* Calls that have let people out, with arguments that do nothing. */
static void calls(void) {
  char none[256] = {0};
  tell("keyctl", syscall(SYS_keyctl, 0, -3, 0));
  tell("userfaultfd", syscall(SYS_userfaultfd, 1));
  tell("io_uring", syscall(425, 1, none));
  tell("vsock", socket(40, SOCK_STREAM, 0));
  tell("unshare", syscall(SYS_unshare, 0x10000000));
}

static void descriptors(void) {
  for (int fd = 3; fd < 1024; fd++)
    if (fcntl(fd, F_GETFD) >= 0) printf("descriptor %d\n", fd);
}

/*
 * Holds the first binary of a process that is not of this tree. Whether it could be opened for
 * writing, once nobody executes it any more (ETXTBSY), is the mount's to say.
 */
static void catch_binary(void) {
  char path[64], exe[512];
  for (long tries = 0; tries < 20000000; tries++) {
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(proc));) {
      int pid = atoi(entry->d_name);
      if (pid <= 1 || pid == getpid()) continue;
      snprintf(path, sizeof path, "/proc/%d/exe", pid);
      ssize_t size = readlink(path, exe, sizeof exe - 1);
      if (size <= 0) continue;
      exe[size] = 0;
      if (!strncmp(exe, "/bin/", 5)) continue;
      int fd = open(path, O_PATH);
      if (fd < 0) continue;
      struct statvfs mount;
      if (fstatvfs(fd, &mount)) continue;
      printf("caught %s, %s\n", exe, mount.f_flag & ST_RDONLY ? "read-only" : "writable");
      exit(0);
    }
    closedir(proc);
  }
}

/* Every path that may be written, other processes' and links apart: access(2) asks mounts, too. */
static int tell_writable(const char *path, const struct stat *s, int type, struct FTW *where) {
  (void)s, (void)where;
  if (!strncmp(path, "/proc/", 6) && path[6] >= '0' && path[6] <= '9') return FTW_SKIP_SUBTREE;
  if (type != FTW_SL && access(path, W_OK) == 0) printf("writable %s\n", path);
  return FTW_CONTINUE;
}

/* Two names exchange what they stand for, for ever. */
static void swap(const char *one, const char *other) {
  while (!renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE)) {}
  tell("swap", -1);
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  if (!strcmp(argv[1], "user")) printf("%d %d\n", (int)getuid(), (int)geteuid());
  if (!strcmp(argv[1], "calls")) calls();
  if (!strcmp(argv[1], "descriptors")) descriptors();
  if (!strcmp(argv[1], "writable")) nftw("/", tell_writable, 16, FTW_PHYS | FTW_ACTIONRETVAL);
  if (!strcmp(argv[1], "catch")) catch_binary();
  if (!strcmp(argv[1], "abstract") && argc > 2) abstract(argv[2]);
  if (!strcmp(argv[1], "swap") && argc > 3) swap(argv[2], argv[3]);
  return 0;
}
