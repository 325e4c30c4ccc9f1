/* What the files of the addon share; addon.c says which functions JavaScript sees. */
#ifndef NACRE_ADDON_H
#define NACRE_ADDON_H
#include <node_api.h>

napi_value launch(napi_env env, napi_callback_info info);
napi_value leave(napi_env env, napi_callback_info info);
napi_value open_outflow(napi_env env, napi_callback_info info);
napi_value ask_outflow(napi_env env, napi_callback_info info);
napi_value drop_outflow(napi_env env, napi_callback_info info);
napi_value attributes(napi_env env, napi_callback_info info);
napi_value create_inflater(napi_env env, napi_callback_info info);
napi_value inflate_step(napi_env env, napi_callback_info info);

#endif
