/* What a thread has read, on its way to JavaScript. */
#include <stdlib.h>
#include "addon.h"

void hand_over(napi_env env, napi_value callback, struct chunk *chunk) {
  napi_value self, value;
  if (env && napi_get_undefined(env, &self) == napi_ok) {
    void *copy;
    if (!chunk) napi_get_null(env, &value);
    else napi_create_buffer_copy(env, chunk->size, chunk->bytes, &copy, &value);
    napi_call_function(env, self, callback, 1, &value, NULL);
  }
  free(chunk);
}
