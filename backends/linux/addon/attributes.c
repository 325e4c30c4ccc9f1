/* Extended attributes, for which Node has no call: listxattr(2) and getxattr(2). */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include "addon.h"

enum { NAMES = 65536, VALUE = 65536, PATH = 64 }; /* XATTR_LIST_MAX, XATTR_SIZE_MAX; /proc/self/fd/N */

struct buffers {
  char path[PATH], names[NAMES], value[VALUE];
};

/* Appends a name and its value, unless it was taken away since it was listed. */
static bool append(napi_env env, napi_value list, uint32_t *count, struct buffers *b, const char *name) {
  ssize_t size = getxattr(b->path, name, b->value, VALUE);
  if (size < 0) {
    if (errno != ENODATA) refuse(env, "getxattr", errno);
    return errno == ENODATA;
  }
  napi_value key, value;
  void *copy;
  napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &key);
  napi_create_buffer_copy(env, (size_t)size, b->value, &copy, &value);
  napi_set_element(env, list, (*count)++, key);
  napi_set_element(env, list, (*count)++, value);
  return true;
}

/* attributes(path): names and values in turns; throws with `errno`. Links are followed: of a
 * symlink itself they are had through /proc/self/fd/N of an O_PATH descriptor. */
napi_value attributes(napi_env env, napi_callback_info info) {
  napi_value path, list;
  size_t arguments = 1, length;
  uint32_t count = 0;
  struct buffers *b = malloc(sizeof *b);
  if (!b) {
    refuse(env, "getxattr", ENOMEM);
    return NULL;
  }
  napi_create_array(env, &list);
  napi_get_cb_info(env, info, &arguments, &path, NULL, NULL);
  b->path[0] = 0;
  if (arguments == 1) napi_get_value_string_utf8(env, path, b->path, PATH, &length);
  ssize_t size = listxattr(b->path, b->names, NAMES);
  if (size < 0 && errno != ENOTSUP) refuse(env, "getxattr", errno);
  for (ssize_t at = 0; at < size; at += (ssize_t)strlen(b->names + at) + 1) {
    if (!append(env, list, &count, b, b->names + at)) break;
  }
  free(b);
  return list;
}
