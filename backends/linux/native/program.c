/* Decoding: every length is checked against what is left, every argument against its kind. */
#include <stdlib.h>
#include <string.h>

#include "nacre.h"
#include "operations.h"

static bool take(struct cursor *from, void *to, size_t size) {
  if ((size_t)(from->end - from->at) < size) return false;
  memcpy(to, from->at, size);
  from->at += size;
  return true;
}

bool take_number(struct cursor *from, uint32_t *to) { return take(from, to, sizeof *to); }

/* Kinds: s string, n number, l list of strings, w words of 8 bytes, b bytes. */
bool take_argument(struct cursor *from, char kind, struct argument *to) {
  uint32_t size;
  if (!take_number(from, &size) || (size_t)(from->end - from->at) < size) return false;
  *to = (struct argument){(const char *)from->at, size};
  from->at += size;
  if (kind == 's') return size > 0 && memchr(to->data, 0, size) == to->data + size - 1;
  if (kind == 'l') return size == 0 || to->data[size - 1] == 0;
  if (kind == 'n') return size == 8;
  return kind != 'w' || size % 8 == 0;
}

static bool take_arguments(struct cursor *from, const char *kinds, struct argument *to) {
  for (int i = 0; kinds[i]; i++)
    if (!take_argument(from, kinds[i], &to[i])) return false;
  return true;
}

bool take_operation(struct cursor *from, struct operation *to) {
  uint16_t code;
  uint8_t arguments, undone;
  if (!take(from, &code, 2) || !take(from, &arguments, 1) || !take(from, &undone, 1)) return false;
  if (code == 0 || code >= OP_COUNT || arguments != strlen(OPERATIONS[code].kinds)) return false;
  to->code = code;
  if (!take_arguments(from, OPERATIONS[code].kinds, to->argument)) return false;
  to->inverse = (struct cursor){from->at, from->at};
  if (undone > 1) return false;
  if (!undone) return true;
  struct operation inverse;
  if (from->end - from->at < 4 || from->at[3] != 0) return false; /* an inverse has no inverse */
  if (!take_operation(from, &inverse)) return false;
  to->inverse.end = from->at;
  return allowed(inverse.code, HOST);
}

static bool take_section(struct cursor *from, enum section name, struct cursor *to) {
  to->at = from->at;
  uint32_t count;
  if (!take_number(from, &count)) return false;
  for (uint32_t i = 0; i < count; i++) {
    struct operation o;
    if (!take_operation(from, &o) || !allowed(o.code, name)) return false;
    if (name != HOST && o.inverse.at != o.inverse.end) return false;
  }
  to->end = from->at;
  return true;
}

bool read_program(struct cursor m, struct program *p) {
  uint8_t has_process;
  if (!take(&m, &has_process, 1) || has_process > 1) return false;
  p->has_process = has_process;
  if (has_process && !take_arguments(&m, "nnnsslln", p->supervision)) return false;
  if (!take_section(&m, HOST, &p->host)) return false;
  if (!has_process) return m.at == m.end;
  if (!take_section(&m, PARENT, &p->parent) || !take_section(&m, CHILD, &p->child)) return false;
  if (!take_arguments(&m, "nnnnl", p->clone)) return false;
  p->join_paths = m;
  uint32_t pairs;
  if (!take_number(&m, &pairs) || pairs > 8) return false;
  struct argument pair[2];
  for (uint32_t i = 0; i < pairs; i++)
    if (!take_arguments(&m, "ns", pair)) return false;
  return m.at == m.end;
}

int64_t word(const struct argument *a, size_t i) {
  int64_t value;
  memcpy(&value, a->data + 8 * i, 8);
  return value;
}

/* The string after `previous` (NULL: the first), or NULL. */
const char *next_string(const struct argument *list, const char *previous) {
  const char *next = previous ? previous + strlen(previous) + 1 : list->data;
  return next < list->data + list->size ? next : NULL;
}

/* A NULL-terminated copy in one allocation; NULL for an empty list. */
char **string_list(const struct argument *list) {
  size_t count = 0;
  for (const char *s = NULL; (s = next_string(list, s));) count++;
  char **copy = count ? malloc((count + 1) * sizeof *copy + list->size) : NULL;
  if (!copy) return NULL;
  char *bytes = memcpy(copy + count + 1, list->data, list->size);
  for (size_t i = 0; i < count; i++, bytes += strlen(bytes) + 1) copy[i] = bytes;
  copy[count] = NULL;
  return copy;
}
