/*
 * Process 1 of a container that asked for an init: it hands signals on to its child, reaps whoever
 * is left to it, and ends as the child ends. The child has a process group of its own, which is the
 * terminal's, and goes on with the section. What stays is nacre-init once more, with nothing of the
 * caller in its memory, through the mount that nobody can write to (main.c).
 */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "nacre.h"

int stay_as_init(void) {
  char pid[16], *arguments[] = {"nacre-init", "--init", pid, NULL}, *nothing[] = {NULL};
  pid_t child = fork();
  if (child < 0) return because("fork");
  if (child == 0) {
    setpgid(0, 0);
    tcsetpgrp(0, getpgrp()); /* where it is our terminal; SIGTTOU is blocked */
    return 0;
  }
  snprintf(pid, sizeof pid, "%d", (int)child);
  int own = openat(self.proc, "exe", O_PATH | O_CLOEXEC);
  k_close_range(3, CLOSE_RANGE_CLOEXEC);
  syscall(SYS_execveat, own, "", arguments, nothing, AT_EMPTY_PATH);
  _exit(125);
}

/* Every signal is blocked since before the fork: none is lost, none ends process 1. */
int be_init(pid_t child) {
  sigset_t all;
  sigfillset(&all);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); /* where the pid namespace is another's */
  for (int status, number;;) {
    for (pid_t gone; (gone = waitpid(-1, &status, WNOHANG)) > 0;)
      if (gone == child) return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    number = sigwaitinfo(&all, NULL);
    if (number > 0 && number != SIGCHLD && number != SIGTTIN && number != SIGTTOU) kill(child, number);
  }
}
