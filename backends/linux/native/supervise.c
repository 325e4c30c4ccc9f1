/* The parent for as long as the container lives: streams, signals, log, exit record, undoing. */
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

#include "supervise.h"

enum { OUT, ERR, IN, STREAMS, DRAIN_MS = 100 };
static struct stream streams[STREAMS];
static int signals, log_needed, output, terminal, held = -1, slave = -1;
static struct termios cooked;
static bool raw;
static struct { char *record; char **collect, **on_exit; } after;

/* Makes one stream of the child; `at` is the end that it gets. */
static int open_stream(int index, const char *name, int *at) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC)) return because("pipe2");
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  *at = ends[1];
  streams[index].from = ends[0];
  streams[index].to = output == OUTPUT_BOTH ? index + 1 : -1;
  streams[index].name = name;
  return 0;
}

static int open_streams(const struct program *p, int child[3]) {
  const struct argument *a = p->supervision;
  int64_t in = word(&a[STDIN_MODE], 0);
  output = (int)word(&a[OUTPUT_MODE], 0);
  terminal = (int)word(&a[TERMINAL_MODE], 0);
  log_needed = *a[LOG_PATH].data && (output != INHERIT || terminal == TO_LOG);
  for (int i = 0; i < STREAMS; i++) streams[i].from = streams[i].to = -1;
  if (log_needed && log_open(a[LOG_PATH].data)) return -1;
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return because("open /dev/null");
  for (int i = 0; i < 3; i++) child[i] = terminal || (i == 0 && in == STDIN_NULL) ? null : i;
  if (in == STDIN_HOLD && !terminal) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) return because("pipe2");
    child[0] = ends[0];
    held = ends[1];
  }
  if (terminal || output == INHERIT) return 0;
  if (open_stream(OUT, log_needed ? "stdout" : NULL, &child[1])) return -1;
  return open_stream(ERR, log_needed ? "stderr" : NULL, &child[2]);
}

static void resize(void) {
  struct winsize size;
  if (ioctl(0, TIOCGWINSZ, &size) == 0) ioctl(self.terminal, TIOCSWINSZ, &size);
}

/* After the start: this process lets go of everything that it does not itself relay. */
static void settle(const int child[3]) {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int i = 0; i < 3; i++)
    if (child[i] > 2) close(child[i]);
  if (self.terminal >= 0) {
    fcntl(self.terminal, F_SETFL, O_NONBLOCK);
    slave = ioctl(self.terminal, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    streams[OUT].from = self.terminal;
    streams[OUT].name = log_needed ? "stdout" : NULL;
  }
  if (self.terminal >= 0 && terminal == ATTACHED) {
    streams[OUT].to = 1;
    streams[IN].from = 0;
    streams[IN].to = self.terminal;
    raw = tcgetattr(0, &cooked) == 0;
    struct termios mode = cooked;
    cfmakeraw(&mode);
    if (raw) tcsetattr(0, TCSANOW, &mode);
    resize();
  }
  for (int i = 0; i < 3; i++)
    if (streams[OUT].to != i && streams[ERR].to != i && streams[IN].from != i) dup2(null, i);
  close(null);
}

static void forward_signals(void) {
  struct signalfd_siginfo info;
  while (read(signals, &info, sizeof info) == sizeof info) {
    int number = (int)info.ssi_signo;
    if (number == SIGCHLD || number == SIGTTIN || number == SIGTTOU || number == SIGURG) continue;
    if (number == SIGWINCH && streams[IN].from == 0) resize();
    else k_pidfd_signal(self.pidfd, number);
  }
}

static void end_stream(struct stream *s) {
  if (s->from > 2) close(s->from);
  /* A terminal is told by a character that there is no more input. */
  if (s == &streams[IN] && !raw && s->from == 0 && write(s->to, "\4", 1) < 0) s->to = -1;
  s->from = -1;
}

/* Reads when everything read so far is delivered, delivers otherwise. */
static void pump(struct stream *s) {
  if (s->sent == s->used) {
    size_t room = sizeof s->data - s->used;
    if (s->left < (long)room) room = (size_t)s->left;
    ssize_t n = room ? read(s->from, s->data + s->used, room) : 0;
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) end_stream(s);
    else s->used += (size_t)n;
    if (s->left != LONG_MAX && n > 0) s->left -= n;
    if (s->to < 0) s->sent = s->used;
  } else {
    size_t size = s->used - s->sent;
    ssize_t n = write(s->to, s->data + s->sent, size < 4096 ? size : 4096);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) s->to = -1; /* who listened is gone; the container goes on */
    s->sent = n < 0 ? s->used : s->sent + (size_t)n;
  }
  if (s->sent < s->used) return;
  if (s->name) log_lines(s, s->from < 0);
  else s->used = 0;
  s->sent = s->used;
}

/* The child has ended: what is in its pipes is read, what others may still write there is not. */
static void stop_reading(void) {
  for (int i = OUT; i <= ERR; i++) {
    int bytes = 0;
    if (streams[i].from < 0) continue;
    if (streams[i].from == self.terminal) bytes = 256 << 10;
    else ioctl(streams[i].from, FIONREAD, &bytes);
    streams[i].left = bytes;
  }
  if (slave >= 0) close(slave);
  if (streams[IN].from >= 0) streams[IN].from = -1;
}

static void relay(void) {
  bool ended = false;
  for (;;) {
    struct pollfd ready[2 + STREAMS] = {{signals, POLLIN, 0}, {ended ? -1 : self.pidfd, POLLIN, 0}};
    bool open = false, pending = false;
    for (int i = 0; i < STREAMS; i++) {
      struct stream *s = &streams[i];
      bool unsent = s->sent < s->used;
      ready[2 + i] = (struct pollfd){unsent ? s->to : s->from, unsent ? POLLOUT : POLLIN, 0};
      pending |= unsent && i != IN;
      open |= ready[2 + i].fd >= 0 && i != IN;
    }
    if (ended && !open) return;
    int count = poll(ready, 2 + STREAMS, ended && !pending ? DRAIN_MS : -1);
    if (count == 0) {
      for (int i = OUT; i <= ERR; i++) streams[i].left = 0;
      for (int i = OUT; i <= ERR; i++) if (streams[i].from >= 0) pump(&streams[i]);
    }
    if (ready[0].revents) forward_signals();
    for (int i = 0; i < STREAMS; i++)
      if (ready[2 + i].revents) pump(&streams[i]);
    if (ready[1].revents) {
      ended = true;
      stop_reading();
    }
  }
}

/* The exit record: what became of the child, and the collected files as they are now. */
static char *compose(const siginfo_t *end, const struct timespec *now, size_t *size) {
  char *text = NULL;
  FILE *to = open_memstream(&text, size);
  if (!to) return NULL;
  bool exited = end->si_code == CLD_EXITED;
  fprintf(to, "code %d\nsignal %d\nfinished %lld.%09ld\n",
          exited ? end->si_status : 128 + end->si_status, exited ? 0 : end->si_status,
          (long long)now->tv_sec, now->tv_nsec);
  static char contents[16 << 10];
  for (char **path = after.collect; path && *path; path++) {
    int fd = open(*path, O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    for (ssize_t n = 1; fd >= 0 && n > 0; length += n > 0 ? (size_t)n : 0)
      n = read(fd, contents + length, sizeof contents - length);
    if (fd < 0) continue;
    close(fd);
    fprintf(to, "file %s %zu\n", *path, length);
    fwrite(contents, 1, length, to);
  }
  return fclose(to) == 0 ? text : NULL;
}

static void write_record(const char *record, size_t size) {
  char name[PATH_MAX];
  if (!after.record || snprintf(name, sizeof name, "%s.tmp", after.record) >= PATH_MAX) return;
  int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (fd < 0) return;
  if (write_fully(fd, record, size) == 0 && fsync(fd) == 0) rename(name, after.record);
  close(fd);
}

static void run_on_exit(void) {
  extern char **environ;
  if (!after.on_exit || fork() != 0) return;
  sigset_t none;
  sigemptyset(&none);
  setsid();
  for (int i = 0, null = open("/dev/null", O_RDWR); i < 3; i++) dup2(null, i);
  k_close_range(3, 0);
  signal(SIGPIPE, SIG_DFL);
  sigprocmask(SIG_SETMASK, &none, NULL);
  umask(self.umask);
  execve(after.on_exit[0], after.on_exit, environ);
  _exit(127);
}

static int give_up(void) {
  siginfo_t end;
  if (self.child > 0) {
    k_pidfd_signal(self.pidfd, SIGKILL);
    waitid(P_PID, (id_t)self.child, &end, WEXITED);
  }
  undo_all(NULL);
  return 125;
}

static void finish(void) {
  siginfo_t end = {0};
  struct timespec now;
  size_t size = 0;
  waitid(P_PID, (id_t)self.child, &end, WEXITED);
  clock_gettime(CLOCK_REALTIME, &now);
  if (raw) tcsetattr(0, TCSADRAIN, &cooked);
  char *record = compose(&end, &now, &size);
  if (record) write_record(record, size);
  undo_all(after.record);
  report("exited %zu\n", size);
  if (record && write_fully(REPORT, record, size)) close(REPORT);
  run_on_exit();
}

int supervise(const struct program *p, struct cursor message) {
  const struct argument *a = p->supervision;
  int child[3];
  sigset_t all;
  sigfillset(&all);
  signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
  for (int i = 0; i < STREAMS; i++) streams[i].left = LONG_MAX;
  *detail = 0;
  if (signals < 0 || open_streams(p, child) || start_child(p, child)) {
    report("failed clone 0 %d %s\n", errno, detail);
    return give_up();
  }
  if (run_section(p->parent, PARENT) || send(self.sync, "", 1, MSG_NOSIGNAL) != 1) return give_up();
  if (await_execution(signals)) return give_up();
  after.record = *a[EXIT_PATH].data ? strdup(a[EXIT_PATH].data) : NULL;
  after.collect = string_list(&a[COLLECT]);
  after.on_exit = string_list(&a[ON_EXIT]);
  bool detached = word(&a[DETACHED], 0);
  munmap((void *)message.at, (size_t)(message.end - message.at));
  close(self.sync);
  settle(child);
  report("ready %d %llu\n", (int)self.child, (unsigned long long)start_time(self.child));
  if (detached) {
    setsid();
    close(REPORT);
  }
  relay();
  finish();
  return 0;
}
