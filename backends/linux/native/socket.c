/* Sockets by name. The name may be longer than an address of a socket: it is reached through its directory. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "nacre.h"

/* The directory, open as long as the address is used, or -1. */
static int address_of(const char *path, struct sockaddr_un *address) {
  const char *name = strrchr(path, '/');
  char parent[PATH_MAX];
  snprintf(parent, sizeof parent, "%.*s", name && name > path ? (int)(name - path) : 1, name ? path : ".");
  int directory = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return because("open %s", parent);
  address->sun_family = AF_UNIX;
  snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%.80s", directory,
           name ? name + 1 : path);
  return directory;
}

/* A socket that root alone can reach. What has the name is replaced. */
int listen_at(const char *path, int most) {
  struct sockaddr_un address = {0};
  OWNED directory = address_of(path, &address);
  if (directory < 0) return -1;
  if (unlink(address.sun_path) && errno != ENOENT) return because("unlink %s", path);
  OWNED fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  mode_t before = umask(0177);
  int result = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&address, sizeof address);
  umask(before);
  if (result || listen(fd, most)) return because("bind %s", path);
  int kept = fd;
  fd = -1;
  return kept;
}

/* The terminal's master, with its name as the message, to who listens there. */
int hand_terminal_to(const char *path) {
  struct sockaddr_un address = {0};
  static char name[] = "/dev/ptmx";
  union { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr header; } control = {
    .header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
  struct iovec part = {name, sizeof name - 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
                           .msg_controllen = sizeof control};
  OWNED directory = address_of(path, &address);
  OWNED fd = directory < 0 ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) return because("connect to %s", path);
  memcpy(CMSG_DATA(&control.header), &self.terminal, sizeof(int));
  return checked(sendmsg(fd, &message, MSG_NOSIGNAL), "send the terminal");
}
