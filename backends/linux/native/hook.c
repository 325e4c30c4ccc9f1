/* Hooks: programs that somebody else wants run at a stage of a container's life (OCI runtime spec). */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "nacre.h"
#include "operations.h"

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Its input is a file in memory: no hook that does not read it can hold anybody up. */
static int input_of(const struct operation *o, pid_t pid) {
  char number_text[16] = "";
  int fd = memfd_create("state", MFD_CLOEXEC);
  if (fd < 0) return because("memfd_create");
  if (pid > 0) snprintf(number_text, sizeof number_text, "%d", (int)pid);
  if (write_fully(fd, text(o, RUN_HOOK_BEFORE), length(o, RUN_HOOK_BEFORE)) == 0 &&
      write_fully(fd, number_text, strlen(number_text)) == 0 &&
      write_fully(fd, text(o, RUN_HOOK_AFTER), length(o, RUN_HOOK_AFTER)) == 0 &&
      lseek(fd, 0, SEEK_SET) == 0)
    return fd;
  close_owned(&fd);
  return -1;
}

static _Noreturn void be_hook(const struct operation *o, int input, int output) {
  sigset_t none;
  char **arguments = string_list(&o->argument[RUN_HOOK_ARGUMENTS]);
  char **environment = string_list(&o->argument[RUN_HOOK_ENVIRONMENT]);
  char *alone[] = {(char *)text(o, RUN_HOOK_PATH), NULL};
  if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) _exit(126);
  k_close_range(3, 0);
  for (int n = 1; n < NSIG; n++) k_rt_sigaction(n);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  umask(022);
  if (!is_own_binary(alone[0])) execve(alone[0], arguments && *arguments ? arguments : alone, environment);
  dprintf(2, "%s", strerror(errno));
  _exit(errno == ENOENT ? 127 : 126);
}

/* Reads what it says until it ends or its time is up; how much of `said` is filled. */
static size_t listen_to(int pidfd, int output, int64_t until, char *said, size_t size, bool *late) {
  size_t used = 0;
  char rest[512];
  for (bool open = true;;) {
    struct pollfd ready[2] = {{pidfd, POLLIN, 0}, {open ? output : -1, POLLIN, 0}};
    int64_t left = until ? until - now_ms() : -1;
    *late = until && left <= 0;
    if (*late || (poll(ready, 2, left > 1000000 ? 1000000 : (int)left) < 0 && errno != EINTR)) return used;
    if (ready[1].revents) {
      bool room = used < size;
      ssize_t n = read(output, room ? said + used : rest, room ? size - used : sizeof rest);
      if (n > 0 && room) used += (size_t)n;
      open = n > 0;
    } else if (ready[0].revents) return used;
  }
}

static int outcome(const struct operation *o, pid_t child, const char *said, size_t used, bool late) {
  siginfo_t end = {0};
  const char *path = text(o, RUN_HOOK_PATH);
  if (late) kill(child, SIGKILL);
  while (waitid(P_PID, (id_t)child, &end, WEXITED) && errno == EINTR) continue;
  if (late) {
    errno = ETIMEDOUT;
    return because("%s did not end in %lld ms", path, (long long)number(o, RUN_HOOK_TIMEOUT_MS));
  }
  if (end.si_code == CLD_EXITED && end.si_status == 0) return 0;
  errno = ECANCELED;
  return because("%s %s %d%s%.*s", path, end.si_code == CLD_EXITED ? "exited with" : "ended by signal",
                 end.si_status, used ? ": " : "", (int)used, said);
}

int run_hook(const struct operation *o, pid_t pid) {
  int ends[2];
  bool late;
  char said[300];
  int64_t timeout = number(o, RUN_HOOK_TIMEOUT_MS), given = number(o, RUN_HOOK_PID);
  OWNED input = input_of(o, given ? (pid_t)given : pid);
  if (input < 0) return -1;
  if (pipe2(ends, O_CLOEXEC)) return because("pipe2");
  OWNED output = ends[0];
  pid_t child = fork();
  if (child == 0) be_hook(o, input, ends[1]);
  close_owned(&ends[1]);
  if (child < 0) return because("fork");
  OWNED pidfd = (int)syscall(SYS_pidfd_open, child, 0);
  fcntl(output, F_SETFL, O_NONBLOCK);
  size_t used = listen_to(pidfd, output, timeout ? now_ms() + timeout : 0, said, sizeof said, &late);
  return outcome(o, child, said, used, late);
}
