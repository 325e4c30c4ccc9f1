/*
 * nacre-init's decoder under libFuzzer: the message of a program, read as main() reads it, and every
 * argument of every operation looked at as its runner would. Nothing is executed.
 */
#include <stdlib.h>
#include <string.h>

#include "nacre.h"
#include "operations.h"

enum { HEAD = 12 };

static volatile uint64_t seen; /* so that no reading is optimised away */

/*
 * Which operations stood where: the decoder runs the same code for all of them, and by that alone
 * nobody would be told from another. libFuzzer takes these for coverage, too.
 */
enum { OUTSIDER = CHILD + 1, INVERSE, PLACES };
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t stood[PLACES][OP_COUNT];

static void look_at(const struct argument *argument, char kind) {
  if (kind == 's') seen += strlen(argument->data);
  if (kind == 'n') seen += (uint64_t)word(argument, 0);
  if (kind == 'w')
    for (size_t i = 0; i < argument->size / 8; i++) seen += (uint64_t)word(argument, i);
  if (kind == 'b')
    for (size_t i = 0; i < argument->size; i++) seen += (uint8_t)argument->data[i];
  if (kind != 'l') return;
  for (const char *s = NULL; (s = next_string(argument, s));) seen += strlen(s);
  char **list = string_list(argument);
  for (size_t i = 0; list && list[i]; i++) seen += strlen(list[i]);
  free(list);
}

static void look_at_operation(const struct operation *o, int place) {
  stood[place][o->code] = 1;
  const char *kinds = OPERATIONS[o->code].kinds;
  for (size_t i = 0; kinds[i]; i++) look_at(&o->argument[i], kinds[i]);
}

static void walk(struct cursor section, enum section name) {
  uint32_t count;
  struct operation o, inverse;
  if (!take_number(&section, &count)) abort();
  for (uint32_t i = 0; i < count; i++) {
    if (!take_operation(&section, &o)) abort();
    if (o.outside ? name != CHILD || !allowed_outside(o.code) : !allowed(o.code, name)) abort();
    look_at_operation(&o, o.outside ? (int)OUTSIDER : (int)name);
    struct cursor undone = o.inverse;
    if (undone.at == undone.end) continue;
    if (!take_operation(&undone, &inverse) || undone.at != undone.end) abort();
    look_at_operation(&inverse, INVERSE);
  }
}

static void walk_process(const struct program *p) {
  walk(p->parent, PARENT);
  walk(p->child, CHILD);
  for (size_t i = 0; i < sizeof p->supervision / sizeof *p->supervision; i++)
    seen += p->supervision[i].size;
  for (size_t i = 0; i < CGROUPS; i++) look_at(&p->clone[i], 'n');
  look_at(&p->clone[CGROUPS], 'l');
  uint32_t pairs;
  struct argument pair[2];
  struct cursor from = p->join_paths;
  for (take_number(&from, &pairs); pairs > 0; pairs--) {
    if (!take_arguments(&from, "ns", pair)) abort();
    look_at(&pair[0], 'n');
    look_at(&pair[1], 's');
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct program program;
  if (size < HEAD) return 0;
  /* A copy of the very size, so that one byte more is one too many. */
  uint8_t *body = malloc(size - HEAD + 1);
  memcpy(body, data + HEAD, size - HEAD);
  struct cursor all = {body, body + (size - HEAD)};
  if (read_program(all, &program)) {
    walk(program.host, HOST);
    if (program.has_process) walk_process(&program);
  }
  free(body);
  return 0;
}
