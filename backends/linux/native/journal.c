/* The container's output to journald, in its native protocol: a datagram a line, which has fields
   as KEY=VALUE lines, and the message with its length before it. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "supervise.h"

enum { PATIENCE_MS = 1000 };

static int journal = -1;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static const char *fields;

bool journal_wanted(void) { return journal >= 0; }

int journal_open(const char *path, const char *constant) {
  errno = ENAMETOOLONG;
  if (strlen(path) >= sizeof address.sun_path) return because("open %s", path);
  strcpy(address.sun_path, path);
  if (access(path, W_OK) || !(fields = strdup(constant))) return because("open %s", path);
  return checked(journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
}

static struct iovec part(const char *text) {
  return (struct iovec){(void *)(uintptr_t)text, strlen(text)};
}

/* By the address each time, so that a journald that was started anew gets what follows. One that
   takes nothing for a while loses lines: the container does not wait for it. */
void journal_line(const char *name, const char *data, size_t size) {
  bool whole = size > 0 && data[size - 1] == '\n';
  uint64_t length = size - whole;
  struct iovec parts[] = {
    part(fields), part(strcmp(name, "stderr") ? "PRIORITY=6\n" : "PRIORITY=3\n"),
    part(whole ? "" : "CONTAINER_PARTIAL_MESSAGE=true\n"), part("MESSAGE\n"),
    {&length, sizeof length}, {(void *)(uintptr_t)data, length}, part("\n"),
  };
  struct msghdr message = {.msg_name = &address, .msg_namelen = sizeof address};
  message.msg_iov = parts;
  message.msg_iovlen = sizeof parts / sizeof *parts;
  struct pollfd room = {.fd = journal, .events = POLLOUT};
  if (sendmsg(journal, &message, MSG_NOSIGNAL) >= 0 || errno != EAGAIN) return;
  if (poll(&room, 1, PATIENCE_MS) > 0) sendmsg(journal, &message, MSG_NOSIGNAL);
}
