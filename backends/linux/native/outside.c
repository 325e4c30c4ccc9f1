/*
 * What the child of a user namespace may not do itself: mount what is not its namespace's, show
 * files of the machine by other owners, open what is closed to its users. A process that has the
 * machine's powers does it for the child, in all of the child's namespaces but that one.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <linux/securebits.h>

#include "nacre.h"
#include "operations.h"

struct outcome {
  int32_t index, error;
  char detail[DETAIL_SIZE];
};

enum { ITS_NAMESPACES = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                        CLONE_NEWCGROUP };

/* Those of the machine may be joined by the machine's root alone; who is not is in them already. */
static int join_its_namespaces(void) {
  if (setns(self.pidfd, ITS_NAMESPACES) == 0) return 0;
  for (unsigned left = ITS_NAMESPACES & ~CLONE_NEWNS; left; left &= left - 1)
    if (setns(self.pidfd, (int)(left & -left)) && errno != EPERM) return -1;
  return setns(self.pidfd, CLONE_NEWNS);
}

/* New files are this user's; the powers over files stay, which leaving user 0 takes (capabilities(7)). */
int act_as_owner(const struct operation *o) {
  uid_t uid = (uid_t)number(o, ACT_AS_OWNER_UID);
  gid_t gid = (gid_t)number(o, ACT_AS_OWNER_GID);
  if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)) return because("PR_SET_SECUREBITS");
  setfsgid(gid);
  setfsuid(uid);
  errno = EINVAL; /* they say only what was before */
  if (setfsgid((gid_t)-1) != (int)gid || setfsuid((uid_t)-1) != (int)uid) return because("setfsuid");
  return 0;
}

/* All operations in a row, as the child would do them. */
static void run_row(struct cursor section, int32_t index, struct outcome *outcome) {
  uint32_t count = 0;
  struct operation o;
  take_number(&section, &count);
  self.section = CHILD;
  self.root = -1;
  for (int32_t i = 0; i < (int32_t)count && take_operation(&section, &o); i++) {
    if (i < index) continue;
    if (!o.outside) return;
    outcome->index = i;
    if (run_operation(&o) < 0) {
      outcome->error = errno;
      memcpy(outcome->detail, detail, sizeof detail);
      return;
    }
  }
}

/* Who joins a pid namespace is not in it, but its children are: /proc is that of who mounts it. */
static _Noreturn void enter_and_run(struct cursor section, int32_t index, int tell) {
  struct outcome outcome = {.index = index};
  *detail = 0;
  self.proc = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
  pid_t inner = join_its_namespaces() ? because("setns") : fork();
  if (inner > 0) {
    while (waitpid(inner, NULL, 0) < 0 && errno == EINTR) continue;
    _exit(0);
  }
  if (inner < 0) {
    because("fork");
    outcome.error = errno;
    memcpy(outcome.detail, detail, sizeof detail);
  } else run_row(section, index, &outcome);
  _exit(write(tell, &outcome, sizeof outcome) != sizeof outcome);
}

/* 0, or -1 and the index of what failed. The child waits meanwhile. */
int run_row_outside(struct cursor section, int32_t *index) {
  int ends[2];
  struct outcome outcome = {.index = *index, .error = EINTR};
  if (pipe2(ends, O_CLOEXEC)) return because("pipe2");
  pid_t helper = fork();
  if (helper == 0) enter_and_run(section, *index, ends[1]);
  close(ends[1]);
  OWNED from = ends[0];
  if (helper < 0) return because("fork");
  ssize_t size = read(from, &outcome, sizeof outcome);
  while (waitpid(helper, NULL, 0) < 0 && errno == EINTR) continue;
  *index = outcome.index;
  *detail = 0;
  errno = outcome.error;
  if (size != sizeof outcome) {
    errno = EINTR;
    return because("who was to do it has ended");
  }
  memcpy(detail, outcome.detail, sizeof detail);
  return outcome.error ? -1 : 0;
}
