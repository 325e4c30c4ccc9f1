/*
 * Starts nacre-init and listens to it: what node:child_process does, for one kind of child.
 *
 * child_process brings sockets and streams along, 8 ms of loading, and forks, which copies the
 * page tables of a JavaScript heap. posix_spawn(3) shares them until execve(2). A thread per child
 * writes the program, reads the report, and reaps.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "addon.h"

enum { STDIN, STDOUT, STDERR, PROGRAM, REPORT, DESCRIPTORS };
enum { ABOVE = 16, CHUNK = 16384, STACK = 65536, MOST = 1024 };

struct child {
  pid_t pid;
  int program, report; /* our ends */
  bool detached;       /* its report ends when it runs on by itself */
  size_t size;
  char *message;
  napi_threadsafe_function tell;
};

/* Bytes of the report, or null at its end. */
static void tell(napi_env env, napi_value callback, void *context, void *data) {
  (void)context;
  hand_over(env, callback, data);
}

static void write_program(struct child *c) {
  for (size_t at = 0; at < c->size;) {
    ssize_t n = write(c->program, c->message + at, c->size - at);
    if (n < 0 && errno != EINTR) break; /* it ended early: the report says why */
    if (n > 0) at += (size_t)n;
  }
  close(c->program);
  free(c->message);
}

static void *listen_to(void *argument) {
  struct child *c = argument;
  write_program(c);
  for (;;) {
    struct chunk *chunk = malloc(sizeof *chunk + CHUNK);
    ssize_t n = chunk ? read(c->report, chunk->bytes, CHUNK) : 0;
    if (n <= 0) free(chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    chunk->size = (size_t)n;
    c->detached |= n >= 5 && !memcmp(chunk->bytes + n - 5, "left\n", 5); /* see report.ts */
    if (napi_call_threadsafe_function(c->tell, chunk, napi_tsfn_blocking) != napi_ok) free(chunk);
  }
  close(c->report);
  if (!c->detached) waitpid(c->pid, NULL, 0);
  napi_call_threadsafe_function(c->tell, NULL, napi_tsfn_blocking);
  napi_release_threadsafe_function(c->tell, napi_tsfn_release);
  if (c->detached) waitpid(c->pid, NULL, 0);
  free(c);
  return NULL;
}

/* Descriptors out of the way of the numbers they are to get; -1 becomes /dev/null. */
static int out_of_the_way(int fd, int above) {
  int null = -1;
  if (fd < 0) fd = null = open("/dev/null", O_RDWR | O_CLOEXEC);
  int moved = fcntl(fd, F_DUPFD_CLOEXEC, above);
  if (null >= 0) close(null);
  return moved;
}

static int spawn_init(struct child *c, char *path, const int *given, int count) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  int moved[MOST], error = 0;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  sigemptyset(&none);
  sigfillset(&all);
  /* A session of its own: a terminal's signals reach the caller, who hands them on. */
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  for (int i = 0; i < count; i++) {
    moved[i] = out_of_the_way(given[i], count > ABOVE ? count : ABOVE);
    if (moved[i] < 0) error = errno;
    else posix_spawn_file_actions_adddup2(&actions, moved[i], i);
  }
  char *arguments[] = {path, NULL};
  extern char **environ;
  if (!error) error = posix_spawn(&c->pid, path, &actions, &attributes, arguments, environ);
  for (int i = 0; i < count; i++)
    if (moved[i] >= 0) close(moved[i]);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

static void throw_errno(napi_env env, int error) {
  napi_throw_error(env, NULL, strerror(error));
}

/* The child's pid; takes over c. */
static napi_value begin(napi_env env, struct child *c, char *path, int *given, int count, napi_value callback) {
  int program[2] = {-1, -1}, report[2] = {-1, -1}, error = 0;
  napi_value name, pid = NULL;
  if (pipe2(program, O_CLOEXEC) || pipe2(report, O_CLOEXEC)) error = errno;
  given[PROGRAM] = program[0];
  given[REPORT] = report[1];
  if (!error) error = spawn_init(c, path, given, count);
  close(program[0]);
  close(report[1]);
  c->program = program[1];
  c->report = report[0];
  if (!error) {
    pid_t started = c->pid;
    napi_create_string_utf8(env, "nacre-init", NAPI_AUTO_LENGTH, &name);
    napi_create_threadsafe_function(env, callback, NULL, name, 0, 1, NULL, NULL, NULL, tell, &c->tell);
    error = begin_thread(listen_to, c, STACK);
    if (!error) {
      napi_create_int32(env, started, &pid);
      return pid;
    }
    napi_release_threadsafe_function(c->tell, napi_tsfn_abort);
    kill(started, SIGKILL); /* it has read nothing yet, so there is nothing to undo */
    waitpid(started, NULL, 0);
  }
  close(c->program);
  close(c->report);
  free(c->message);
  free(c);
  throw_errno(env, error);
  return NULL;
}

/* launch(path, stdin, stdout, stderr, message, detached, onReport, more): pid. Descriptors: -1 is /dev/null; `more` of them follow the report's. */
napi_value launch(napi_env env, napi_callback_info info) {
  napi_value arguments[8];
  size_t count = 8, length, more = 0;
  char path[4096];
  int given[MOST];
  void *bytes, *numbers;
  struct child *c = calloc(1, sizeof *c);
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  bool sound = c && count == 8 &&
    napi_get_value_string_utf8(env, arguments[0], path, sizeof path, &length) == napi_ok &&
    length < sizeof path - 1 &&
    napi_get_typedarray_info(env, arguments[4], NULL, &c->size, &bytes, NULL, NULL) == napi_ok &&
    napi_get_value_bool(env, arguments[5], &c->detached) == napi_ok &&
    napi_get_typedarray_info(env, arguments[7], NULL, &more, &numbers, NULL, NULL) == napi_ok &&
    more <= MOST - DESCRIPTORS;
  for (int i = STDIN; sound && i <= STDERR; i++)
    sound = napi_get_value_int32(env, arguments[1 + i], &given[i]) == napi_ok;
  if (sound && more) memcpy(given + DESCRIPTORS, numbers, more * sizeof *given);
  if (sound) sound = (c->message = malloc(c->size + 1)) != NULL;
  if (!sound) {
    free(c);
    throw_errno(env, EINVAL);
    return NULL;
  }
  memcpy(c->message, bytes, c->size);
  return begin(env, c, path, given, DESCRIPTORS + (int)more, arguments[6]);
}

/* leave(code): ends the process at once. What Node would take down goes with it. */
napi_value leave(napi_env env, napi_callback_info info) {
  napi_value code;
  size_t count = 1;
  int32_t number = 0;
  napi_get_cb_info(env, info, &count, &code, NULL, NULL);
  if (count == 1) napi_get_value_int32(env, code, &number);
  _exit(number);
}
