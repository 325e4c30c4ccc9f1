/*
 * nacre-start NODE ARGUMENT…: executes Node, and first has it read from the disk if it is not in the
 * page cache. With --thaw IMAGE before it, it becomes the Node that IMAGE has frozen, if it can (thaw.c);
 * with --freeze, it starts one that is to be frozen.
 *
 * Node has 120 MB, and a start touches three quarters of them, here and there. Left to page faults
 * the kernel reads 128 kB at a time, and keeps them so: in pages that every later start maps sixteen
 * at a time. Asked for huge pages it reads 2 MB at a time, which is sooner done, and maps 2 MB with
 * one fault. Where the file system has none (ext4 before 6.16), reading alone is faster.
 *
 * It is its own libc: that of the machine would ask the processor what it can, and in a virtual
 * machine each such question is one for the host. So this costs 0.05 ms of a start, and not 0.35.
 */
#include "thaw.h"
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include "system.h"

enum { CHUNK = 2 << 20, PAGE = 4096 };
/* linux/fs.h has it among what needs a libc's types. */
enum { SEEK_TO_END = 2, HANGUP = 1, IGNORED = 1 };

/* On a stack of its own: that of the kernel may lie where a frozen process has something. */
enum { STACK = 65536 };
__attribute__((used, aligned(16))) char own_stack[STACK];
#if defined(__x86_64__)
__asm__(".globl _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n"
        " lea own_stack+65536(%rip), %rsp\n call start\n");
#else
__asm__(".globl _start\n_start: mov x29, #0\n mov x0, sp\n adrp x1, own_stack\n"
        " add x1, x1, :lo12:own_stack\n add sp, x1, #65536\n bl start\n");
#endif

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

static void say(const char *text) { ask(__NR_write, 2, (long)text, length(text), 0, 0, 0); }

/* Returns where that cannot be. */
static void execute(char **arguments, char **environment) {
  read_ahead(arguments[0]);
  ask(__NR_execve, (long)arguments[0], (long)arguments, (long)environment, 0, 0, 0);
  say("nacre: ");
  say(arguments[0]);
  say(" cannot be executed; set NACRE_NODE to the path of a Node\n");
}

/*
 * A Node that starts forgets what its caller has it ignore: of SIGHUP, which nohup(1) does, it hears by
 * a variable. That has the place of our own name, once all behind that has moved up by one.
 */
static void tell_of_nohup(struct called *called) {
  long action[4] = {0};
  if (ask(__NR_rt_sigaction, HANGUP, 0, (long)action, sizeof(long), 0, 0) != 0 || action[0] != IGNORED) return;
  char **end = called->environment, **place = --called->arguments;
  while (*end) end++;
  for (; place + 1 < end; place++) *(char *volatile *)place = place[1];
  *place = "NACRE_NOHUP=1";
  called->environment--;
}

/* `stack`: as the kernel makes it: the count of the arguments, they, 0, the environment, 0, facts. */
__attribute__((noreturn, used)) void start(long *stack) {
  struct called called = {*stack - 1, (char **)(stack + 2), (char **)(stack + *stack + 2)};
  const char *first = called.count > 0 ? called.arguments[0] : "";
  if (same(first, "--freeze")) {
    called.count--, called.arguments++;
    make_freezable();
  } else if (same(first, "--thaw") && called.count > 2) {
    const char *image = called.arguments[1];
    called.count -= 2, called.arguments += 2;
    tell_of_nohup(&called);
    thaw(image, &called);
  } else {
    tell_of_nohup(&called);
  }
  int some = called.count > 0 && called.arguments[0];
  if (some) execute(called.arguments, called.environment);
  for (;;) ask(__NR_exit_group, some ? 125 : 0, 0, 0, 0, 0, 0);
}
