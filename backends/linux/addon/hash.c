/*
 * SHA-2 in libuv's pool, by the OpenSSL that Node has in itself or is linked with: node:crypto hashes
 * in the caller's thread, which a pull needs for the socket. The functions are looked up when first
 * needed, so that no header of theirs must be there, and are tried with known bytes.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "addon.h"

enum { MAX_DIGEST = 64 }; /* EVP_MAX_MD_SIZE */

/* openssl/evp.h, since 1.1.0 */
static struct {
  void *(*new)(void);                                             /* EVP_MD_CTX_new */
  void (*free)(void *context);                                    /* EVP_MD_CTX_free */
  const void *(*sha256)(void), *(*sha512)(void);                  /* EVP_sha256, EVP_sha512 */
  int (*init)(void *context, const void *kind, void *engine);     /* EVP_DigestInit_ex */
  int (*update)(void *context, const void *bytes, size_t size);   /* EVP_DigestUpdate */
  int (*final)(void *context, unsigned char *to, unsigned *size); /* EVP_DigestFinal_ex */
} evp;

struct hasher {
  void *context;
};

struct step {
  struct job job;
  struct hasher *hasher;
  const void *bytes;
  size_t size;
  bool failed;
};

static bool find(void) {
  if (evp.final) return true;
  *(void **)&evp.new = dlsym(RTLD_DEFAULT, "EVP_MD_CTX_new");
  *(void **)&evp.free = dlsym(RTLD_DEFAULT, "EVP_MD_CTX_free");
  *(void **)&evp.sha256 = dlsym(RTLD_DEFAULT, "EVP_sha256");
  *(void **)&evp.sha512 = dlsym(RTLD_DEFAULT, "EVP_sha512");
  *(void **)&evp.init = dlsym(RTLD_DEFAULT, "EVP_DigestInit_ex");
  *(void **)&evp.update = dlsym(RTLD_DEFAULT, "EVP_DigestUpdate");
  if (!evp.new || !evp.free || !evp.sha256 || !evp.sha512 || !evp.init || !evp.update) return false;
  *(void **)&evp.final = dlsym(RTLD_DEFAULT, "EVP_DigestFinal_ex");
  return evp.final != NULL;
}

/* The hasher as it was made: the trial's bytes are forgotten. */
static bool begin(struct hasher *h, bool is_sha512) {
  return evp.init(h->context, is_sha512 ? evp.sha512() : evp.sha256(), NULL) == 1;
}

/* Whether it gives the digest of "abc" (FIPS 180-2, B.1 and C.1): is it what we think it is? */
static bool tried(struct hasher *h, bool is_sha512) {
  static const uint8_t expected[2][8] = {
    {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea},
    {0xdd, 0xaf, 0x35, 0xa1, 0x93, 0x61, 0x7a, 0xba},
  };
  unsigned char found[MAX_DIGEST];
  unsigned size = 0;
  return begin(h, is_sha512) && evp.update(h->context, "abc", 3) == 1 && evp.final(h->context, found, &size) == 1 &&
    size == (is_sha512 ? 64 : 32) && !memcmp(found, expected[is_sha512], sizeof expected[0]) && begin(h, is_sha512);
}

static void release(napi_env env, void *data, void *hint) {
  struct hasher *h = data;
  (void)env;
  (void)hint;
  if (h->context) evp.free(h->context);
  free(h);
}

/* createHasher(algorithm): a handle; undefined where there is no OpenSSL that we know. */
napi_value create_hasher(napi_env env, napi_callback_info info) {
  napi_value name, handle = NULL;
  size_t count = 1, length;
  char algorithm[8] = "";
  napi_get_cb_info(env, info, &count, &name, NULL, NULL);
  if (count == 1) napi_get_value_string_utf8(env, name, algorithm, sizeof algorithm, &length);
  bool is_sha512 = !strcmp(algorithm, "sha512");
  if ((!is_sha512 && strcmp(algorithm, "sha256")) || !find()) return NULL;
  struct hasher *h = calloc(1, sizeof *h);
  if (!h) return NULL;
  h->context = evp.new();
  bool made = h->context && tried(h, is_sha512) && napi_create_external(env, h, release, NULL, &handle) == napi_ok;
  if (made) return handle;
  release(env, h, NULL);
  return NULL;
}

static void run(struct job *job) {
  struct step *s = (struct step *)job;
  s->failed = evp.update(s->hasher->context, s->bytes, s->size) != 1;
}

static napi_value answer(napi_env env, struct job *job) {
  napi_value done;
  napi_get_boolean(env, !((struct step *)job)->failed, &done);
  return done;
}

/* Takes hasher and bytes; throws and returns false for anything else. */
static bool take(napi_env env, napi_callback_info info, napi_value *arguments, struct step *s) {
  size_t count = 2;
  void *bytes;
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  bool sound = count == 2 && napi_get_value_external(env, arguments[0], (void **)&s->hasher) == napi_ok &&
    napi_get_typedarray_info(env, arguments[1], NULL, &s->size, &bytes, NULL, NULL) == napi_ok;
  if (sound) s->bytes = bytes;
  else napi_throw_error(env, NULL, "a hasher and a Uint8Array are needed");
  return sound;
}

/* hash(hasher, bytes): a promise of whether it could be done. One step at a time. */
napi_value hash_step(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct step taken = {.job = {.run = run, .answer = answer}};
  if (!take(env, info, arguments, &taken)) return NULL;
  struct step *s = malloc(sizeof *s);
  if (!s) {
    napi_throw_error(env, NULL, "out of memory");
    return NULL;
  }
  *s = taken;
  return begin_job(env, &s->job, arguments, 2);
}

/* hashNow(hasher, bytes): whether it could be done. Not while a step is under way. */
napi_value hash_now(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct step s = {0};
  if (!take(env, info, arguments, &s)) return NULL;
  run(&s.job);
  return answer(env, &s.job);
}

/* digest(hasher): a Buffer; undefined if it could not be made. The hasher is spent. */
napi_value hash_digest(napi_env env, napi_callback_info info) {
  napi_value argument, digest = NULL;
  size_t count = 1;
  struct hasher *h;
  unsigned char found[MAX_DIGEST];
  unsigned size = 0;
  napi_get_cb_info(env, info, &count, &argument, NULL, NULL);
  if (count != 1 || napi_get_value_external(env, argument, (void **)&h) != napi_ok) {
    napi_throw_error(env, NULL, "digest takes a hasher");
    return NULL;
  }
  if (evp.final(h->context, found, &size) != 1) return NULL;
  napi_create_buffer_copy(env, size, found, NULL, &digest);
  return digest;
}
