/* What the files of the addon share; addon.c says which functions JavaScript sees. */
#ifndef NACRE_ADDON_H
#define NACRE_ADDON_H
#include <node_api.h>

enum { JOB_HOLDS = 3 };

/* The first member of what a job works on, which malloc(3) made with the rest 0; it is freed when the job is done. */
struct job {
  void (*run)(struct job *job);                        /* in a thread of the pool */
  napi_value (*answer)(napi_env env, struct job *job); /* afterwards: what the promise gives */
  napi_async_work work;
  napi_deferred promise;
  napi_ref held[JOB_HOLDS];
};

/* A promise. `values` are kept while the job works on what is theirs, JOB_HOLDS of them at most. */
napi_value begin_job(napi_env env, struct job *job, const napi_value *values, size_t count);

/* Detached, with `stack` bytes; an errno, or 0. */
int begin_thread(void *(*run)(void *), void *argument, size_t stack);

/* What a thread reads: malloc(3) made it with room for the bytes. */
struct chunk {
  size_t size;
  char bytes[];
};

/* On the JavaScript thread: calls `callback` with the bytes, or with null where there is no chunk; frees it. No `env`: Node takes itself down. */
void hand_over(napi_env env, napi_value callback, struct chunk *chunk);

/* Throws what has `errno`, as libuv counts it, and gives NULL. */
napi_value refuse(napi_env env, const char *call, int number);

napi_value launch(napi_env env, napi_callback_info info);
napi_value leave(napi_env env, napi_callback_info info);
napi_value freeze(napi_env env, napi_callback_info info);
napi_value open_outflow(napi_env env, napi_callback_info info);
napi_value ask_outflow(napi_env env, napi_callback_info info);
napi_value close_outflow(napi_env env, napi_callback_info info);
napi_value drop_outflow(napi_env env, napi_callback_info info);
napi_value read_beneath(napi_env env, napi_callback_info info);
napi_value attributes(napi_env env, napi_callback_info info);
napi_value create_inflater(napi_env env, napi_callback_info info);
napi_value inflate_step(napi_env env, napi_callback_info info);
napi_value create_hasher(napi_env env, napi_callback_info info);
napi_value hash_step(napi_env env, napi_callback_info info);
napi_value hash_now(napi_env env, napi_callback_info info);
napi_value hash_digest(napi_env env, napi_callback_info info);

#endif
