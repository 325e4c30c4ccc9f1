/* The functions of the addon. backends/linux/addon.ts has their types. */
#include "addon.h"

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
    {"launch", NULL, launch, NULL, NULL, NULL, napi_default, NULL},
    {"leave", NULL, leave, NULL, NULL, NULL, napi_default, NULL},
    {"freeze", NULL, freeze, NULL, NULL, NULL, napi_default, NULL},
    {"openOutflow", NULL, open_outflow, NULL, NULL, NULL, napi_default, NULL},
    {"askOutflow", NULL, ask_outflow, NULL, NULL, NULL, napi_default, NULL},
    {"closeOutflow", NULL, close_outflow, NULL, NULL, NULL, napi_default, NULL},
    {"dropOutflow", NULL, drop_outflow, NULL, NULL, NULL, napi_default, NULL},
    {"readBeneath", NULL, read_beneath, NULL, NULL, NULL, napi_default, NULL},
    {"createInflater", NULL, create_inflater, NULL, NULL, NULL, napi_default, NULL},
    {"attributes", NULL, attributes, NULL, NULL, NULL, napi_default, NULL},
    {"inflate", NULL, inflate_step, NULL, NULL, NULL, napi_default, NULL},
    {"createHasher", NULL, create_hasher, NULL, NULL, NULL, napi_default, NULL},
    {"hash", NULL, hash_step, NULL, NULL, NULL, napi_default, NULL},
    {"hashNow", NULL, hash_now, NULL, NULL, NULL, napi_default, NULL},
    {"digest", NULL, hash_digest, NULL, NULL, NULL, napi_default, NULL},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
  return exports;
}
