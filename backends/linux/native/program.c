/* Decoding: every length is checked against what is left, every argument against its kind. */
#include <stdlib.h>
#include <string.h>

#include "nacre.h"
#include "operations.h"

enum { UNDONE = 1, OUTSIDE = 2 }; /* what the fourth byte of an operation says */

static bool take(struct cursor *from, void *to, size_t size) {
  if ((size_t)(from->end - from->at) < size) return false;
  memcpy(to, from->at, size);
  from->at += size;
  return true;
}

bool take_number(struct cursor *from, uint32_t *to) { return take(from, to, sizeof *to); }

/* Kinds: s string, n number, l list of strings, w words of 8 bytes, b bytes. */
bool take_arguments(struct cursor *from, const char *kinds, struct argument *to) {
  for (; *kinds; kinds++, to++) {
    if (!take_number(from, &to->size) || (size_t)(from->end - from->at) < to->size) return false;
    uint32_t size = to->size;
    const char *data = to->data = (const char *)from->at;
    from->at += size;
    if (*kinds == 's' && (size == 0 || memchr(data, 0, size) != data + size - 1)) return false;
    if (*kinds == 'l' && size > 0 && data[size - 1] != 0) return false;
    if (*kinds == 'n' && size != 8) return false;
    if (*kinds == 'w' && size % 8 != 0) return false;
  }
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
  to->outside = undone == OUTSIDE;
  if (undone != UNDONE) return undone == 0 || to->outside;
  struct operation inverse; /* it has none itself: this does not go deeper */
  if (from->end - from->at < 4 || from->at[3] != 0 || !take_operation(from, &inverse)) return false;
  to->inverse.end = from->at;
  return allowed(inverse.code, HOST);
}

bool has_operation(struct cursor section, int code) {
  uint32_t count = 0;
  struct operation o;
  for (take_number(&section, &count); count > 0 && take_operation(&section, &o); count--)
    if (o.code == code) return true;
  return false;
}

static bool take_section(struct cursor *from, enum section name, struct cursor *to) {
  uint32_t count;
  struct operation o;
  to->at = from->at;
  if (!take_number(from, &count)) return false;
  for (uint32_t i = 0; i < count; i++)
    if (!take_operation(from, &o) ||
        !(o.outside ? name == CHILD && allowed_outside(o.code) : allowed(o.code, name)))
      return false;
  to->end = from->at;
  return true;
}

bool read_program(struct cursor m, struct program *p) {
  uint8_t has_process;
  uint32_t pairs;
  struct argument pair[2];
  if (!take(&m, &has_process, 1) || has_process > 1) return false;
  p->has_process = has_process;
  if (has_process && !take_arguments(&m, "nnnssllnnnsssnnsb", p->supervision)) return false;
  if (has_process && (uint64_t)word(&p->supervision[DESCRIPTORS], 0) > 1000) return false;
  if (!take_section(&m, HOST, &p->host)) return false;
  if (!has_process) return m.at == m.end;
  if (!take_section(&m, PARENT, &p->parent) || !take_section(&m, CHILD, &p->child)) return false;
  if (!take_arguments(&m, "nnnnl", p->clone)) return false;
  p->join_paths = m;
  if (!take_number(&m, &pairs) || pairs > 8) return false;
  while (pairs--)
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

/* A NULL-terminated copy in one allocation. */
char **string_list(const struct argument *list) {
  size_t count = 0;
  for (const char *s = NULL; (s = next_string(list, s));) count++;
  char **copy = malloc((count + 1) * sizeof *copy + list->size);
  if (!copy) return NULL;
  char *bytes = memcpy(copy + count + 1, list->data, list->size);
  for (size_t i = 0; i < count; i++, bytes += strlen(bytes) + 1) copy[i] = bytes;
  copy[count] = NULL;
  return copy;
}
