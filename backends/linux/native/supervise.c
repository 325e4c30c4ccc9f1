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

enum { OUT, ERR, IN, STREAMS, DRAIN_MS = 100, PTY_BYTES = 256 << 10, KEYS = 32, LATE = 255 };
static struct stream streams[STREAMS];
static int signals, input, terminal, slave = -1;
static bool logged;
static struct termios cooked;
static bool raw, background, late; /* background: nobody waits for its end; late: its time was over */
static struct { char keys[KEYS]; size_t count, matched; } leave;
static struct { char *record, **collect, **on_exit; } after;

/* A pipe, of which the child gets the end that is returned and this process keeps the other. */
static int new_pipe(int childs_end, int *ours) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC)) return because("pipe2");
  *ours = ends[!childs_end];
  fcntl(*ours, F_SETFL, O_NONBLOCK);
  return ends[childs_end];
}

static int open_streams(const struct argument *a, int child[3]) {
  int64_t output = word(&a[OUTPUT_MODE], 0);
  input = (int)word(&a[STDIN_MODE], 0);
  terminal = (int)word(&a[TERMINAL_MODE], 0);
  logged = *a[LOG_PATH].data && (output != INHERIT || terminal == TO_LOG);
  for (int i = 0; i < STREAMS; i++)
    streams[i] = (struct stream){.from = -1, .to = -1, .left = LONG_MAX};
  const char *fields = a[JOURNAL_FIELDS].data; /* with them the log is journald's socket */
  if (logged && *fields && journal_open(a[LOG_PATH].data, fields)) return -1;
  if (logged && !*fields && log_open(a[LOG_PATH].data, word(&a[LOG_BYTES], 0), word(&a[LOG_FILES], 0))) return -1;
  for (int i = 0; i < 3; i++) child[i] = i;
  if (terminal || input == STDIN_NULL) child[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
  else if (input == STDIN_HOLD) child[0] = new_pipe(0, &streams[IN].to);
  if (terminal) child[1] = child[2] = child[0];
  for (int i = OUT; i <= ERR && !terminal && output != INHERIT; i++) {
    child[i + 1] = new_pipe(1, &streams[i].from);
    streams[i].to = output == OUTPUT_BOTH ? i + 1 : -1;
    streams[i].name = logged ? i == OUT ? "stdout" : "stderr" : NULL;
  }
  return child[0] < 0 || child[1] < 0 || child[2] < 0 ? because("streams") : 0;
}

static void resize(void) {
  struct winsize size;
  if (ioctl(0, TIOCGWINSZ, &size) == 0) ioctl(self.terminal, TIOCSWINSZ, &size);
}

/* A slave stays open here: without one the master reports an end while the child has none open. */
static void relay_terminal(void) {
  fcntl(self.terminal, F_SETFL, O_NONBLOCK);
  slave = ioctl(self.terminal, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  streams[OUT].from = self.terminal;
  streams[OUT].name = logged ? "stdout" : NULL;
  if (terminal == ATTACHED || input == STDIN_HOLD) streams[IN].to = self.terminal;
  if (terminal != ATTACHED) return;
  streams[OUT].to = 1;
  streams[IN].from = 0;
  raw = tcgetattr(0, &cooked) == 0;
  struct termios mode = cooked;
  cfmakeraw(&mode);
  if (raw) tcsetattr(0, TCSANOW, &mode);
  resize();
}

/* After the start: this process lets go of everything that it does not itself relay. */
static void settle(const int child[3]) {
  OWNED null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int i = 0; i < 3; i++)
    if (child[i] > 2) close(child[i]);
  for (int i = 0; i < self.given; i++) close(FIRST_GIVEN + i);
  if (self.terminal >= 0) relay_terminal();
  for (int i = 0; i < 3; i++)
    if (streams[OUT].to != i && streams[ERR].to != i && streams[IN].from != i) dup2(null, i);
}

static void forward_signals(void) {
  struct signalfd_siginfo info;
  while (read(signals, &info, sizeof info) == sizeof info) {
    int number = (int)info.ssi_signo;
    if (number == SIGCHLD || number == SIGTTIN || number == SIGTTOU || number == SIGURG) continue;
    if (number == SIGALRM && info.ssi_code == SI_KERNEL) number = SIGKILL, late = true; /* killAfter */
    if (number == SIGWINCH && raw) resize();
    else k_pidfd_send_signal(self.pidfd, number);
  }
}

/* A terminal is told by a character (^D) that there is no more input. */
static void end_stream(struct stream *s) {
  if (s == &streams[IN] && !raw) s->data[s->used++] = 4;
  if (s->from > 2) close(s->from);
  s->from = -1;
}

/* Takes the keys by which one leaves out of what was typed last. What may be their beginning waits
   for what comes next. True once they were all typed. */
static bool leaves(struct stream *s, size_t size) {
  char typed[sizeof s->data];
  memcpy(typed, s->data + (s->used -= size), size);
  for (size_t i = 0; i < size; i++) {
    if (typed[i] != leave.keys[leave.matched]) {
      memcpy(s->data + s->used, leave.keys, leave.matched);
      s->used += leave.matched;
      leave.matched = 0;
    }
    if (typed[i] != leave.keys[leave.matched]) s->data[s->used++] = typed[i];
    else if (++leave.matched == leave.count) return true;
  }
  return false;
}

/* From here on it is as if it had been started in the background. */
static void let_go(void) {
  OWNED null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (raw) tcsetattr(0, TCSADRAIN, &cooked);
  raw = false;
  background = true;
  streams[IN].from = -1;
  report("left\n");
  for (int fd = 0; fd < 3; fd++) dup2(null, fd);
  dup2(null, REPORT);
}

/* Reads when everything read so far is delivered, delivers otherwise. */
static void pump(struct stream *s) {
  bool reading = s->sent == s->used;
  size_t size = reading ? sizeof s->data - s->used : s->used - s->sent;
  if (reading && s->left < (long)size) size = (size_t)s->left;
  if (!reading && size > PIPE_BUF) size = PIPE_BUF; /* as much as poll(2) promised */
  if (reading && s == &streams[IN]) size -= KEYS;   /* which may have waited */
  ssize_t n = size == 0 ? 0 : reading ? read(s->from, s->data + s->used, size)
                                      : write(s->to, s->data + s->sent, size);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (reading && n <= 0) end_stream(s);
  if (!reading && n < 0) s->to = -1; /* who listened is gone; the container goes on */
  if (reading && n > 0) s->used += (size_t)n;
  if (reading && n > 0 && s == &streams[IN] && leave.count && leaves(s, (size_t)n)) let_go();
  if (reading && n > 0 && s != &streams[IN])
    attach_output(s == &streams[ERR] ? 2 : 1, s->data + s->used - n, (size_t)n);
  if (reading && n > 0 && s->left != LONG_MAX) s->left -= n;
  s->sent = s->to < 0 ? s->used : reading ? s->sent : s->sent + (size_t)n;
  if (s->sent < s->used) return;
  if (s->name) log_lines(s, s->from < 0);
  else s->used = 0;
  s->sent = s->used;
}

/* The child has ended: what is in its pipes is read, what others may still write there is not. */
static void stop_reading(void) {
  for (int i = OUT, bytes; i <= ERR; i++) {
    bytes = 0;
    if (streams[i].from >= 0) ioctl(streams[i].from, FIONREAD, &bytes);
    streams[i].left = streams[i].from == self.terminal ? PTY_BYTES : bytes;
  }
  if (slave >= 0) close(slave);
  streams[IN].from = -1;
  streams[IN].sent = streams[IN].used;
}

static void relay(void) {
  for (bool ended = false;;) {
    struct pollfd ready[2 + STREAMS + WATCHED] = {{signals, POLLIN, 0},
                                                  {ended ? -1 : self.pidfd, POLLIN, 0}};
    bool room = attach_poll(ready + 2 + STREAMS, &streams[IN]), open = false, pending = false;
    for (int i = 0; i < STREAMS; i++) {
      struct stream *s = &streams[i];
      bool unsent = s->sent < s->used;
      ready[2 + i] = (struct pollfd){unsent ? s->to : s->from, unsent ? POLLOUT : POLLIN, 0};
      pending |= unsent;
      open |= ready[2 + i].fd >= 0;
      if (!unsent && !room && i != IN) ready[2 + i].fd = -1;
    }
    if (ended && !open && !attach_pending()) return;
    bool idle = poll(ready, 2 + STREAMS + WATCHED, ended && !pending ? DRAIN_MS : -1) == 0;
    if (ready[0].revents) forward_signals();
    if (idle && attach_pending()) {
      attach_close(); /* who does not read at the end is not waited for; the log is */
      continue;
    }
    attach_relay(ready + 2 + STREAMS);
    for (int i = 0; i < STREAMS; i++) {
      if (idle) streams[i].left = 0;
      if (ready[2 + i].revents || (idle && streams[i].from >= 0)) pump(&streams[i]);
    }
    if (ready[1].revents) stop_reading();
    ended |= ready[1].revents != 0;
  }
}

/* The exit record: what became of the child, and the collected files as they are now. */
static char *compose(size_t *size) {
  static char contents[16 << 10];
  struct timespec now;
  siginfo_t end = {0};
  char *record = NULL;
  waitid(P_PID, (id_t)self.child, &end, WEXITED);
  clock_gettime(CLOCK_REALTIME, &now);
  FILE *to = open_memstream(&record, size);
  if (!to) return NULL;
  int killed = end.si_code == CLD_EXITED ? 0 : end.si_status;
  fprintf(to, "code %d\nsignal %d\nfinished %lld.%09ld\n", killed ? late ? LATE : 128 + killed : end.si_status,
          killed, (long long)now.tv_sec, now.tv_nsec);
  for (char **path = after.collect; path && *path; path++) {
    OWNED fd = open(*path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    size_t size_of_file = read_to_end(fd, contents, sizeof contents);
    fprintf(to, "file %s %zu\n", *path, size_of_file);
    fwrite(contents, 1, size_of_file, to);
  }
  return fclose(to) == 0 ? record : NULL;
}

static void write_record(const char *record, size_t size) {
  char name[PATH_MAX];
  snprintf(name, sizeof name, "%s.tmp", after.record);
  OWNED fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (fd >= 0 && write_fully(fd, record, size) == 0 && fsync(fd) == 0) rename(name, after.record);
}

static void run_on_exit(void) {
  extern char **environ;
  if (!after.on_exit || !*after.on_exit || fork() != 0) return;
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
  if (raw) tcsetattr(0, TCSADRAIN, &cooked);
  if (self.child > 0) k_pidfd_send_signal(self.pidfd, SIGKILL);
  if (self.child > 0) waitid(P_PID, (id_t)self.child, NULL, WEXITED);
  attach_close();
  undo_all(NULL);
  return 125;
}

/* The record is durable before anything is undone: whoever finds half of it undone knows why. */
static int finish(void) {
  size_t size = 0;
  if (raw) tcsetattr(0, TCSADRAIN, &cooked);
  char *record = compose(&size);
  if (record && after.record) write_record(record, size);
  attach_close();
  undo_all(after.record);
  bool told = report("exited %zu\n", size) >= 0;
  if (record) write_fully(REPORT, record, size);
  if (background || !told) run_on_exit();
  return 0;
}

/* Waiting takes little of the code that came so far; what is needed again the file gives again. */
static void forget_code(void) {
  extern const char __executable_start[], etext[];
  madvise((void *)(uintptr_t)__executable_start,
          (uintptr_t)etext - (uintptr_t)__executable_start, MADV_DONTNEED);
}

int supervise(const struct program *p, struct cursor body) {
  const struct argument *a = p->supervision;
  int child[3];
  sigset_t all;
  sigfillset(&all);
  *detail = 0;
  signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0 || open_streams(a, child) || attach_listen(a[ATTACH_PATH].data) ||
      (*a[START_PATH].data && (self.start = listen_at(a[START_PATH].data, 1)) < 0) ||
      start_child(p, child)) {
    report("failed clone 0 %d %s\n", errno, detail);
    return give_up();
  }
  if (run_section(p->parent, PARENT)) return give_up();
  send(self.sync, "", 1, MSG_NOSIGNAL);
  if (await_execution(p, signals)) return give_up();
  if (self.terminal >= 0 && terminal == TO_SOCKET && hand_terminal_to(a[CONSOLE_PATH].data)) {
    report("failed clone 0 %d %s\n", errno, detail);
    return give_up();
  }
  if (terminal == TO_SOCKET && self.terminal >= 0) {
    close(self.terminal);
    self.terminal = -1;
  }
  if (self.start >= 0) close(self.start);
  if (word(&a[LEAVES], 0)) {
    int said = report("ready %d %llu\n", (int)self.child, (unsigned long long)start_time(self.child));
    return said < 0 ? give_up() : 0;
  }
  settle(child);
  after.record = *a[EXIT_PATH].data ? strdup(a[EXIT_PATH].data) : NULL;
  after.collect = string_list(&a[COLLECT]);
  after.on_exit = string_list(&a[ON_EXIT]);
  background = word(&a[DETACHED], 0);
  leave.count = a[LEAVE_KEYS].size < KEYS ? a[LEAVE_KEYS].size : KEYS;
  memcpy(leave.keys, a[LEAVE_KEYS].data, leave.count);
  munmap((void *)(body.at - HEADER), (size_t)(body.end - body.at) + HEADER);
  close(self.sync);
  /* Whoever asked for it is gone, and nobody would ever know of it. */
  if (report("ready %d %llu\n", (int)self.child, (unsigned long long)start_time(self.child)) < 0)
    return give_up();
  if (background) {
    OWNED null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(null, REPORT);
    setsid();
    forget_code();
  }
  relay();
  return finish();
}
