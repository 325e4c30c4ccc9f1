/* Errors of system calls, as JavaScript gets them. */
#include "addon.h"

napi_value refuse(napi_env env, const char *call, int number) {
  napi_value code, message, error;
  napi_create_string_utf8(env, call, NAPI_AUTO_LENGTH, &message);
  napi_create_error(env, NULL, message, &error);
  napi_create_int32(env, -number, &code);
  napi_set_named_property(env, error, "errno", code);
  napi_throw(env, error);
  return NULL;
}
