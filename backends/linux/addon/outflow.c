/*
 * A pipe that a child writes to and JavaScript reads: what node:net does, for that alone. A thread
 * per pipe reads as long as JavaScript asks for more, so that a writer waits for a slow reader.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "addon.h"

enum { CHUNK = 65536, STACK = 131072 };

struct outflow {
  int from, asked;     /* the pipe's end; an eventfd that counts the chunks that are asked for */
  int to;              /* the other end, until it was handed on; JavaScript's thread alone looks */
  atomic_bool unwanted;
  atomic_int owners;   /* the thread, the handle, and what calls JavaScript */
  pthread_mutex_t telling;
  bool over;           /* JavaScript was told of the end, or has ended: `tell` is no more */
  napi_threadsafe_function tell;
};

static void let_go(struct outflow *o) {
  if (atomic_fetch_sub(&o->owners, 1) > 1) return;
  close(o->asked);
  pthread_mutex_destroy(&o->telling);
  free(o);
}

static void end(struct outflow *o) {
  pthread_mutex_lock(&o->telling);
  o->over = true;
  pthread_mutex_unlock(&o->telling);
}

/* Nothing can be told any more: the thread has ended, or Node takes itself down. */
static void silenced(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  end(data);
  let_go(data);
}

/* Whether it will be. */
static bool told(struct outflow *o, struct chunk *chunk) {
  pthread_mutex_lock(&o->telling);
  bool sent = !o->over && napi_call_threadsafe_function(o->tell, chunk, napi_tsfn_nonblocking) == napi_ok;
  if (!o->over && !chunk) napi_release_threadsafe_function(o->tell, napi_tsfn_release);
  pthread_mutex_unlock(&o->telling);
  return sent;
}

/* Bytes, or null at their end. */
static void tell(napi_env env, napi_value callback, void *context, void *data) {
  struct outflow *o = context;
  if (!data) end(o);
  /* Who asks for nothing does not keep the process. */
  else if (env) napi_unref_threadsafe_function(env, o->tell);
  hand_over(env, callback, data);
}

static ssize_t next(struct outflow *o, char *bytes) {
  for (;;) {
    ssize_t n = read(o->from, bytes, CHUNK);
    if (n >= 0 || errno != EINTR) return n;
  }
}

/* Waits until there are bytes or their end, or nobody wants them. */
static bool readable(struct outflow *o) {
  struct pollfd all[] = {{.fd = o->from, .events = POLLIN}, {.fd = o->asked, .events = POLLIN}};
  while (!atomic_load(&o->unwanted)) {
    if (poll(all, 2, -1) < 0 && errno != EINTR) return false;
    if (all[0].revents) return true;
    /* Nobody wants it any more, or it was asked for twice: each chunk is asked for anew. */
    uint64_t asked;
    if (all[1].revents && read(o->asked, &asked, sizeof asked) < 0) return false;
  }
  return false;
}

static void *carry(void *argument) {
  struct outflow *o = argument;
  for (;;) {
    uint64_t one;
    if (read(o->asked, &one, sizeof one) < 0 && errno == EINTR) continue;
    if (!readable(o)) break;
    struct chunk *chunk = malloc(sizeof *chunk + CHUNK);
    ssize_t n = chunk ? next(o, chunk->bytes) : 0;
    if (n > 0) chunk->size = (size_t)n;
    if (n <= 0 || !told(o, chunk)) {
      free(chunk);
      break;
    }
  }
  close(o->from);
  told(o, NULL);
  let_go(o);
  return NULL;
}

static void ask(struct outflow *o) {
  uint64_t one = 1;
  while (write(o->asked, &one, sizeof one) < 0 && errno == EINTR) continue;
}

static void drop(struct outflow *o) {
  atomic_store(&o->unwanted, true);
  ask(o);
}

static void close_other(struct outflow *o) {
  if (o->to >= 0) close(o->to);
  o->to = -1;
}

static void finalize(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  close_other(data);
  drop(data);
  let_go(data);
}

static napi_value refused(napi_env env, struct outflow *o) {
  int error = errno;
  if (o) {
    if (o->from >= 0) close(o->from);
    if (o->asked >= 0) close(o->asked);
    close_other(o);
    free(o);
  }
  napi_throw_error(env, NULL, strerror(error));
  return NULL;
}

/* openOutflow(onChunk): the descriptor to write to, to be closed by its handle, and that. */
napi_value open_outflow(napi_env env, napi_callback_info info) {
  napi_value callback, name, number, handle, both;
  size_t count = 1;
  int ends[2] = {-1, -1};
  struct outflow *o = calloc(1, sizeof *o);
  napi_get_cb_info(env, info, &count, &callback, NULL, NULL);
  if (!o) return refused(env, NULL);
  o->from = o->asked = o->to = -1;
  o->owners = 3;
  pthread_mutex_init(&o->telling, NULL);
  if (pipe2(ends, O_CLOEXEC)) return refused(env, o);
  o->from = ends[0];
  o->to = ends[1];
  o->asked = eventfd(0, EFD_CLOEXEC);
  if (o->asked < 0) return refused(env, o);
  napi_create_string_utf8(env, "outflow", NAPI_AUTO_LENGTH, &name);
  if (napi_create_threadsafe_function(env, callback, NULL, name, 0, 1, o, silenced, o, tell, &o->tell) != napi_ok) {
    errno = EINVAL;
    return refused(env, o);
  }
  napi_unref_threadsafe_function(env, o->tell);
  errno = begin_thread(carry, o, STACK);
  if (errno) {
    int error = errno;
    o->owners = 1; /* nobody but what calls JavaScript, which goes now */
    close(o->from);
    close_other(o);
    napi_release_threadsafe_function(o->tell, napi_tsfn_abort);
    errno = error;
    return refused(env, NULL);
  }
  napi_create_external(env, o, finalize, NULL, &handle);
  napi_create_int32(env, ends[1], &number);
  napi_create_array_with_length(env, 2, &both);
  napi_set_element(env, both, 0, number);
  napi_set_element(env, both, 1, handle);
  return both;
}

static struct outflow *given(napi_env env, napi_callback_info info) {
  napi_value handle;
  size_t count = 1;
  void *o = NULL;
  napi_get_cb_info(env, info, &count, &handle, NULL, NULL);
  if (count == 1) napi_get_value_external(env, handle, &o);
  return o;
}

/* askOutflow(handle): one chunk more may come. */
napi_value ask_outflow(napi_env env, napi_callback_info info) {
  struct outflow *o = given(env, info);
  if (o && !o->over) {
    napi_ref_threadsafe_function(env, o->tell);
    ask(o);
  }
  return NULL;
}

/* dropOutflow(handle): nothing more is wanted; who writes gets EPIPE. */
napi_value drop_outflow(napi_env env, napi_callback_info info) {
  struct outflow *o = given(env, info);
  if (o) drop(o);
  return NULL;
}

/*
 * closeOutflow(handle): a child has the end to write to. Node counts the descriptors of a worker
 * thread, and warns of one that fs closes and did not open.
 */
napi_value close_outflow(napi_env env, napi_callback_info info) {
  struct outflow *o = given(env, info);
  if (o) close_other(o);
  return NULL;
}
