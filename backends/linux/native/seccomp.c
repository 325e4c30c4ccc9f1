/* Filters of system calls: seccomp(2), and who decides on what a filter leaves open. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "nacre.h"
#include "operations.h"

static struct operation filter; /* the child's, until it executes */
static struct argument state_parts; /* of what the listener is told */

/* In the host section, so that the child has the connection from its birth. */
int connect_listener(const struct operation *o) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  errno = ENAMETOOLONG;
  if (length(o, CONNECT_LISTENER_PATH) >= sizeof address.sun_path) return because("connect");
  strcpy(address.sun_path, text(o, CONNECT_LISTENER_PATH));
  forget_listener();
  self.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (self.listener < 0) return because("socket");
  state_parts = o->argument[CONNECT_LISTENER_STATE];
  return checked(connect(self.listener, (struct sockaddr *)&address, sizeof address), "connect");
}

/* The parent's part of the connection: who listens is to see the end of the child's. */
void forget_listener(void) {
  if (self.listener >= 0) close(self.listener);
  self.listener = -1;
}

/* As the machine sees it: in the /proc that the child was born with. */
static int own_pid(void) {
  char line[16] = "";
  OWNED fd = openat(self.proc, "stat", O_RDONLY | O_CLOEXEC);
  return fd >= 0 && read(fd, line, sizeof line - 1) > 0 ? atoi(line) : 0;
}

/* What is to be said with the filter's descriptor. Composed before the filter is there. */
static int compose_state(char *state, size_t size) {
  size_t used = 0;
  int pid = own_pid();
  for (const char *part = NULL; (part = next_string(&state_parts, part));) {
    used += (size_t)snprintf(state + used, size - used, used ? "%d%s" : "%.0d%s", used ? pid : 0, part);
    errno = EMSGSIZE;
    if (used >= size) return because("the state of the container is too long");
  }
  return (int)used;
}

int filter_system_calls(const struct operation *o) {
  uint32_t size = o->argument[FILTER_SYSTEM_CALLS_FILTER].size;
  errno = EINVAL;
  if (filter.code || size == 0 || size % sizeof(struct sock_filter)) return because("no filter");
  if (size / sizeof(struct sock_filter) > BPF_MAXINSNS) return because("the filter is too long");
  filter = *o;
  return 0;
}

/* The last thing before execve(2): what the filter refuses is the program's concern alone. */
int install_filter(void) {
  if (!filter.code) return 0;
  char state[64 << 10];
  const struct argument *code = &filter.argument[FILTER_SYSTEM_CALLS_FILTER];
  struct sock_fprog program = {(unsigned short)(code->size / sizeof(struct sock_filter)),
                               (struct sock_filter *)(uintptr_t)code->data};
  unsigned flags = (unsigned)number(&filter, FILTER_SYSTEM_CALLS_FLAGS);
  bool asks = flags & SECCOMP_FILTER_FLAG_NEW_LISTENER;
  errno = ENOTCONN;
  if (asks && self.listener < 0) return because("nobody listens");
  int size = asks ? compose_state(state, sizeof state) : 0;
  if (size < 0) return -1;
  int made = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  if (made < 0) return because("seccomp");
  return asks ? checked(send_descriptor(self.listener, state, (size_t)size, made), "listener") : 0;
}
