/*
 * gzip at the speed of ISA-L (libisal.so.2) where it is installed, else of the zlib that Node has
 * in itself: into buffers that JavaScript gives and gets back, so that a layer's 300 MB do not
 * pass through V8's heap. Each step runs in libuv's pool.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "addon.h"
#include "libraries.h"

enum status { MORE = 0, ENDED = 1, DAMAGED = -1 };

struct inflater {
  const struct isal *isal; /* one of both */
  const struct zlib *zlib;
  union {
    struct isal_state isal;
    struct zlib_state zlib;
  } state;
};

struct step {
  struct job job;
  struct inflater *inflater;
  uint8_t *in, *out;
  size_t in_size, out_size; /* afterwards: what is left of them */
  enum status status;
};

static void begin(struct inflater *i) {
  if (i->zlib) {
    i->zlib->reset(&i->state.zlib);
    return;
  }
  i->isal->init(&i->state.isal);
  i->state.isal.crc_flag = ISAL_GZIP;
}

static void step_isal(struct step *s) {
  struct isal_state *state = &s->inflater->state.isal;
  state->next_in = s->in;
  state->avail_in = (uint32_t)s->in_size;
  state->next_out = s->out;
  state->avail_out = (uint32_t)s->out_size;
  if (s->inflater->isal->step(state) < 0) s->status = DAMAGED;
  else if (state->block_state == ISAL_BLOCK_FINISH) s->status = ENDED;
  s->in_size = state->avail_in;
  s->out_size = state->avail_out;
}

static void step_zlib(struct step *s) {
  struct zlib_state *state = &s->inflater->state.zlib;
  state->next_in = s->in;
  state->avail_in = (unsigned)s->in_size;
  state->next_out = s->out;
  state->avail_out = (unsigned)s->out_size;
  int result = s->inflater->zlib->step(state, 0);
  if (result == Z_STREAM_END) s->status = ENDED;
  else if (result != 0 && result != Z_BUF_ERROR) s->status = DAMAGED; /* Z_BUF_ERROR: nothing to do */
  s->in_size = state->avail_in;
  s->out_size = state->avail_out;
}

static void step(struct step *s) {
  s->status = MORE;
  if (s->inflater->isal) step_isal(s);
  else step_zlib(s);
  if (s->status == ENDED) begin(s->inflater); /* a file may have several members */
}

/* Whether it reads a member, and refuses one whose checksum is wrong: is it what we think it is? */
static bool tried(struct inflater *i) {
  uint8_t packed[] = {
    0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x4b, 0x4c, 0x2e, 0x4a, 5, 0, 0x8d, 0x55, 0xfa, 0x09, 5, 0, 0, 0,
  };
  for (int damage = 0; damage < 2; damage++) {
    uint8_t out[16];
    packed[17] ^= (uint8_t)damage;
    struct step s = {.inflater = i, .in = packed, .out = out, .in_size = sizeof packed, .out_size = sizeof out};
    step(&s);
    bool right = s.status == ENDED && s.in_size == 0 && s.out_size == sizeof out - 5 && !memcmp(out, "nacre", 5);
    if (damage ? s.status != DAMAGED : !right) return false;
  }
  begin(i);
  return true;
}

static bool find_isal(struct inflater *i) {
  static struct isal isal;
  if (!isal.step) {
    void *library = dlopen("libisal.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!library) return false;
    *(void **)&isal.init = dlsym(library, "isal_inflate_init");
    *(void **)&isal.step = dlsym(library, "isal_inflate");
  }
  if (!isal.init || !isal.step) return false;
  i->isal = &isal;
  begin(i);
  return tried(i);
}

static bool find_zlib(struct inflater *i) {
  static struct zlib zlib;
  const char *(*version)(void);
  *(void **)&version = dlsym(RTLD_DEFAULT, "zlibVersion");
  *(void **)&zlib.init = dlsym(RTLD_DEFAULT, "inflateInit2_");
  *(void **)&zlib.reset = dlsym(RTLD_DEFAULT, "inflateReset");
  *(void **)&zlib.step = dlsym(RTLD_DEFAULT, "inflate");
  *(void **)&zlib.end = dlsym(RTLD_DEFAULT, "inflateEnd");
  if (!version || !zlib.init || !zlib.reset || !zlib.step || !zlib.end) return false;
  if (zlib.init(&i->state.zlib, ZLIB_GZIP, version(), sizeof i->state.zlib) != 0) return false;
  i->zlib = &zlib;
  return tried(i);
}

static void release(napi_env env, void *data, void *hint) {
  struct inflater *i = data;
  (void)env;
  (void)hint;
  if (i->zlib) i->zlib->end(&i->state.zlib);
  free(i);
}

/* createInflater(library): a handle; undefined where that library is not. */
napi_value create_inflater(napi_env env, napi_callback_info info) {
  napi_value name, handle = NULL;
  size_t count = 1, length;
  char library[8] = "";
  napi_get_cb_info(env, info, &count, &name, NULL, NULL);
  if (count == 1) napi_get_value_string_utf8(env, name, library, sizeof library, &length);
  struct inflater *i = calloc(1, sizeof *i);
  if (!i) return NULL;
  bool found = strcmp(library, "isal") ? find_zlib(i) : find_isal(i);
  if (!found || napi_create_external(env, i, release, NULL, &handle) != napi_ok) {
    release(env, i, NULL);
    return NULL;
  }
  return handle;
}

static void run(struct job *job) {
  step((struct step *)job);
}

static napi_value answer(napi_env env, struct job *job) {
  const struct step *s = (struct step *)job;
  napi_value result, number;
  const int64_t numbers[] = {s->status, (int64_t)s->in_size, (int64_t)s->out_size};
  napi_create_array_with_length(env, 3, &result);
  for (uint32_t i = 0; i < 3; i++) {
    napi_create_int64(env, numbers[i], &number);
    napi_set_element(env, result, i, number);
  }
  return result;
}

/*
 * inflate(inflater, input, output): a promise of [status, input bytes left, output bytes left].
 * Status 1 says that a member has ended, -1 that the input is damaged. One step at a time.
 */
napi_value inflate_step(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  size_t count = 3;
  void *in, *out;
  struct step *s = calloc(1, sizeof *s);
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  bool sound = s && count == 3 &&
    napi_get_value_external(env, arguments[0], (void **)&s->inflater) == napi_ok &&
    napi_get_typedarray_info(env, arguments[1], NULL, &s->in_size, &in, NULL, NULL) == napi_ok &&
    napi_get_typedarray_info(env, arguments[2], NULL, &s->out_size, &out, NULL, NULL) == napi_ok;
  if (!sound) {
    free(s);
    napi_throw_error(env, NULL, "inflate takes an inflater and two Uint8Arrays");
    return NULL;
  }
  s->in = in;
  s->out = out;
  s->job.run = run;
  s->job.answer = answer;
  return begin_job(env, &s->job, arguments, count);
}
