// What a program of the differential test executes: says on its standard input, which is a pipe to
// who started it, whom execve(2) has made of it. It stands alone in an empty tree, so it has no libc.

#include <linux/capability.h>
#include <linux/prctl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#if !defined(__x86_64__)
#error "the probe knows system calls of x86-64 only"
#endif

static long call(long number, long a, long b, long c, long d) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = 0;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                   : "rcx", "r11", "memory");
  return result;
}

static char text[512];
static size_t used;

static void put(const char *from) {
  while (*from) text[used++] = *from++;
}

static void number(uint64_t value, unsigned base) {
  char digits[24];
  int count = 0;
  do digits[count++] = "0123456789abcdef"[value % base];
  while (value /= base);
  while (count) text[used++] = digits[--count];
}

static void ids(const char *name, long get, long set_file) {
  uint32_t id[3];
  call(get, (long)&id[0], (long)&id[1], (long)&id[2], 0);
  put(name);
  for (int i = 0; i < 3; i++) {
    put(" ");
    number(id[i], 10);
  }
  put(" ");
  number((uint32_t)call(set_file, -1, 0, 0, 0), 10);
}

static void mask(const char *name, uint32_t low, uint32_t high) {
  put(name);
  number((uint64_t)high << 32 | low, 16);
}

__attribute__((used)) static void report(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct set[2];
  uint32_t ambient[2] = {0, 0};
  call(SYS_capget, (long)&header, (long)set, 0, 0);
  for (long i = 0; i < 64; i++)
    if (call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0) == 1) ambient[i / 32] |= 1U << i % 32;
  ids("uid", SYS_getresuid, SYS_setfsuid);
  ids(" gid", SYS_getresgid, SYS_setfsgid);
  mask(" prm ", set[0].permitted, set[1].permitted);
  mask(" eff ", set[0].effective, set[1].effective);
  mask(" inh ", set[0].inheritable, set[1].inheritable);
  mask(" amb ", ambient[0], ambient[1]);
  put(" nnp ");
  number((uint64_t)call(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0), 10);
  call(SYS_write, 0, (long)text, (long)used, 0);
  call(SYS_exit_group, 0, 0, 0, 0);
}

__asm__(".globl _start\n_start:\n  and $-16, %rsp\n  call report\n");
