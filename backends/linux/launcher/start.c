/*
 * nacre-start NODE ARGUMENT…: executes Node, and first has it read from the disk if it is not in the
 * page cache.
 *
 * Node has 120 MB, and a start touches three quarters of them, here and there. Left to page faults
 * the kernel reads 128 kB at a time, and keeps them so: in pages that every later start maps sixteen
 * at a time. Asked for huge pages it reads 2 MB at a time, which is sooner done, and maps 2 MB with
 * one fault. Where the file system has none (ext4 before 6.16), reading alone is faster.
 *
 * It is its own libc: that of the machine would ask the processor what it can, and in a virtual
 * machine each such question is one for the host. So this costs 0.05 ms of a start, and not 0.35.
 */
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/mman.h>

enum { CHUNK = 2 << 20, PAGE = 4096 };
/* linux/fs.h has it among what needs a libc's types. */
enum { SEEK_TO_END = 2 };

#if defined(__x86_64__)
__asm__(".globl _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call start\n");

static long ask(long number, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "+a"(number)
                   : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return number;
}
#elif defined(__aarch64__)
__asm__(".globl _start\n_start: mov x29, #0\n mov x0, sp\n bl start\n");

static long ask(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return x0;
}
#else
#error "no system calls are known for this processor; bin/nacre does without nacre-start"
#endif

static long failed(long result) { return result < 0 && result > -4096; }

/*
 * Reads what is absent, chunk by chunk. The kernel tells who may not write the file that all of it
 * is there (mincore(2)): then nothing is done. Nor does any failure matter: faults read it too.
 */
static void read_ahead(const char *path) {
  long file = ask(__NR_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
  if (failed(file)) return;
  long size = ask(__NR_lseek, file, 0, SEEK_TO_END, 0, 0, 0);
  if (failed(size) || size == 0) return;
  long map = ask(__NR_mmap, 0, size, PROT_READ, MAP_PRIVATE, file, 0);
  if (failed(map)) return;
  int advised = 0;
  for (long at = map; at < map + size; at += CHUNK) {
    unsigned char present = 1;
    if (ask(__NR_mincore, at, 1, (long)&present, 0, 0, 0) != 0 || (present & 1)) continue;
    if (!advised && ask(__NR_madvise, map, size, MADV_HUGEPAGE, 0, 0, 0) != 0) return;
    advised = 1;
    ask(__NR_madvise, at, PAGE, MADV_POPULATE_READ, 0, 0, 0);
  }
}

static long length(const char *text) {
  long count = 0;
  while (text[count]) count++;
  return count;
}

static void say(const char *text) { ask(__NR_write, 2, (long)text, length(text), 0, 0, 0); }

/* `stack`: as the kernel makes it: the count of the arguments, they, 0, the environment, 0. */
__attribute__((noreturn, used)) void start(long *stack) {
  long count = *stack;
  char **arguments = (char **)(stack + 1);
  char **environment = arguments + count + 1;
  if (count > 1) {
    read_ahead(arguments[1]);
    ask(__NR_execve, (long)arguments[1], (long)(arguments + 1), (long)environment, 0, 0, 0);
    say("nacre: ");
    say(arguments[1]);
    say(" cannot be executed; set NACRE_NODE to the path of a Node\n");
  }
  for (;;) ask(__NR_exit_group, count > 1 ? 125 : 0, 0, 0, 0, 0, 0);
}
