/* What the child changes of itself alone, beside its user and its powers. */
#include <linux/keyctl.h>
#include <linux/sched/types.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>

#include "nacre.h"
#include "operations.h"

enum { CLASS_SHIFT = 13, WHO_PROCESS = 1 }; /* linux/ioprio.h, which older headers lack */

/* Through the /proc that the child was born with: nothing in the container redirects the write. */
static int write_own_file(const struct operation *o) {
  const char *name = text(o, WRITE_OWN_FILE_NAME);
  OWNED fd = k_openat2(self.proc, name, O_WRONLY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
  if (fd < 0) return because("open /proc/self/%s", name);
  const char *data = text(o, WRITE_OWN_FILE_DATA);
  return checked(write(fd, data, length(o, WRITE_OWN_FILE_DATA)), "write");
}

static int set_scheduler(const struct operation *o) {
  struct sched_attr attributes = {
    .size = sizeof attributes,
    .sched_policy = (uint32_t)number(o, SET_SCHEDULER_POLICY),
    .sched_flags = (uint64_t)number(o, SET_SCHEDULER_FLAGS),
    .sched_nice = (int32_t)number(o, SET_SCHEDULER_NICE),
    .sched_priority = (uint32_t)number(o, SET_SCHEDULER_PRIORITY),
    .sched_runtime = (uint64_t)number(o, SET_SCHEDULER_RUNTIME),
    .sched_deadline = (uint64_t)number(o, SET_SCHEDULER_DEADLINE),
    .sched_period = (uint64_t)number(o, SET_SCHEDULER_PERIOD),
  };
  return checked(syscall(SYS_sched_setattr, 0, &attributes, 0), "sched_setattr");
}

/* The kernel takes one bit less than it is told (set_mempolicy(2), BUGS). */
static int set_memory_policy(const struct operation *o) {
  const struct argument *nodes = &o->argument[SET_MEMORY_POLICY_NODES];
  return checked(syscall(SYS_set_mempolicy, (int)number(o, SET_MEMORY_POLICY_MODE),
                         nodes->size ? nodes->data : NULL, nodes->size * 8 + 1), "set_mempolicy");
}

static int join_session_keyring(const struct operation *o) {
  const char *name = text(o, JOIN_SESSION_KEYRING_NAME);
  long keyring = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name);
  if (keyring <= 0) /* 0: it has that one */ return !keyring || errno == ENOSYS ? 0 : because("keyctl join session keyring");
  unsigned permissions = (unsigned)number(o, JOIN_SESSION_KEYRING_PERMISSIONS);
  return checked(syscall(SYS_keyctl, KEYCTL_SETPERM, keyring, permissions), "keyctl setperm");
}

int change_itself(const struct operation *o) {
  switch (o->code) {
  case OP_WRITE_OWN_FILE: return write_own_file(o);
  case OP_JOIN_SESSION_KEYRING: return join_session_keyring(o);
  case OP_SET_PERSONALITY:
    return checked(personality((unsigned long)number(o, SET_PERSONALITY_PERSONA)), "personality");
  case OP_SET_IO_PRIORITY:
    return checked(syscall(SYS_ioprio_set, WHO_PROCESS, 0,
                           (int)number(o, SET_IO_PRIORITY_CLASS) << CLASS_SHIFT |
                             (int)number(o, SET_IO_PRIORITY_PRIORITY)),
                   "ioprio_set");
  case OP_SET_MEMORY_POLICY: return set_memory_policy(o);
  case OP_ENTER_TIME_NAMESPACE: {
    OWNED fd = openat(self.proc, "ns/time_for_children", O_RDONLY | O_CLOEXEC);
    return checked(setns(fd, CLONE_NEWTIME), "setns");
  }
  default: return set_scheduler(o);
  }
}
