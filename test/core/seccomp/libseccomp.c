/*
 * Filters as libseccomp makes them, to compare ours with. Reads profiles:
 *   begin DEFAULT · arch TOKEN · rule ACTION NAME COUNT [INDEX OPERATOR A B] · end
 * and writes of each its size and its instructions. `names TOKEN` writes a name and number a line.
 */
#include <inttypes.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void names(uint32_t token) {
  for (int i = 0; i < 0x100000; i = i == 1023 ? 0xf0000 : i + 1) {
    int number = token == SCMP_ARCH_X32 ? i | 0x40000000 : i;
    char *name = seccomp_syscall_resolve_num_arch(token, number);
    if (name) printf("%s %d\n", name, number);
    free(name);
  }
}

static void rule(scmp_filter_ctx context) {
  uint32_t action;
  char name[64];
  unsigned count;
  struct scmp_arg_cmp compared[6];
  if (scanf("%" SCNu32 " %63s %u", &action, name, &count) != 3 || count > 6) exit(2);
  for (unsigned i = 0; i < count; i++) {
    unsigned index, operator;
    uint64_t a, b;
    if (scanf("%u %u %" SCNu64 " %" SCNu64, &index, &operator, &a, &b) != 4) exit(2);
    compared[i] = (struct scmp_arg_cmp){index, (enum scmp_compare)operator, a, b};
  }
  int number = seccomp_syscall_resolve_name(name);
  if (number != __NR_SCMP_ERROR) seccomp_rule_add_array(context, action, number, count, compared);
}

static void export(scmp_filter_ctx context) {
  char bytes[1 << 20];
  FILE *file = tmpfile();
  if (!file || seccomp_export_bpf(context, fileno(file))) exit(3);
  rewind(file);
  uint32_t size = (uint32_t)fread(bytes, 1, sizeof bytes, file);
  fwrite(&size, sizeof size, 1, stdout);
  fwrite(bytes, size, 1, stdout);
  fclose(file);
}

int main(void) {
  char word[16];
  uint32_t number;
  scmp_filter_ctx context = NULL;
  while (scanf("%15s", word) == 1) {
    if (!strcmp(word, "rule")) rule(context);
    else if (!strcmp(word, "end")) {
      export(context);
      seccomp_release(context);
    } else if (scanf("%" SCNu32, &number) != 1) return 2;
    else if (!strcmp(word, "begin")) {
      context = seccomp_init(number);
      seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    } else if (!strcmp(word, "arch")) seccomp_arch_add(context, number);
    else if (!strcmp(word, "names")) names(number);
  }
  return 0;
}
