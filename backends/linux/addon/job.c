/* Work in libuv's thread pool, and the promise that JavaScript gets for it. */
#include <stdlib.h>
#include "addon.h"

static void execute(napi_env env, void *data) {
  struct job *job = data;
  (void)env;
  job->run(job);
}

static void complete(napi_env env, napi_status status, void *data) {
  struct job *job = data;
  (void)status; /* nobody cancels one */
  napi_resolve_deferred(env, job->promise, job->answer(env, job));
  for (int i = 0; i < JOB_HOLDS && job->held[i]; i++) napi_delete_reference(env, job->held[i]);
  napi_delete_async_work(env, job->work);
  free(job);
}

napi_value begin_job(napi_env env, struct job *job, const napi_value *values, size_t count) {
  napi_value name, promise;
  for (size_t i = 0; i < count && i < JOB_HOLDS; i++) napi_create_reference(env, values[i], 1, &job->held[i]);
  napi_create_string_utf8(env, "nacre", NAPI_AUTO_LENGTH, &name);
  napi_create_promise(env, &job->promise, &promise);
  napi_create_async_work(env, NULL, name, execute, complete, job, &job->work);
  napi_queue_async_work(env, job->work);
  return promise;
}
