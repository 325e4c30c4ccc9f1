/*
 * freeze(): stops a copy of this process, for good, so that its memory can be read and written to a file
 * (backends/linux/frozen), and gives its pid and registers. Of a process that nacre-start makes of
 * that file (launcher/thaw.c) the same call returns again: what the process was called with.
 *
 * The copy is a child of fork(2), with one thread. glibc and libuv bring themselves in order for that;
 * V8 must have been told to do without others (--single-threaded).
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include "../launcher/frozen.h"
#include "addon.h"

#if defined(__x86_64__)
#include <asm/prctl.h>

enum { SIGNALS = 32, MAPS = 4096, REGISTERS = 8 };

/* glibc's, and not of every libc: the end of the memory that brk(2) gives. */
extern void *__curbrk __attribute__((weak));
/* Since glibc 2.33. */
extern struct mallinfo2 mallinfo2(void) __attribute__((weak));
extern void uv_update_time(struct uv_loop_s *loop) __attribute__((weak));

/* As the kernel has it: what libc makes of it is another thing. */
struct action {
  void *handler;
  unsigned long flags;
  void *restorer;
  unsigned long mask;
};

static struct {
  long registers[REGISTERS], thread;
  struct action actions[SIGNALS];
  unsigned long mask;
  int *tid; /* where libc has the thread's number */
  void *robust;
  size_t robust_size;
} held;

/* Keeps what a function must leave as it was; 0 now, and what thaw.c hands over then. */
__attribute__((returns_twice)) long hold(long *registers);
__asm__(".text\n.globl hold\n.hidden hold\n.type hold, @function\nhold:\n"
        " mov %rbx, 0(%rdi)\n mov %rbp, 8(%rdi)\n mov %r12, 16(%rdi)\n mov %r13, 24(%rdi)\n"
        " mov %r14, 32(%rdi)\n mov %r15, 40(%rdi)\n lea 8(%rsp), %rax\n mov %rax, 48(%rdi)\n"
        " mov (%rsp), %rax\n mov %rax, 56(%rdi)\n xor %eax, %eax\n ret\n");

/* V8 has its heap left out of children. */
static int share_with_children(void) {
  static unsigned long maps[MAPS][2];
  size_t count = 0;
  FILE *file = fopen("/proc/self/maps", "re");
  if (!file) return errno;
  char line[4352], private;
  unsigned long inode;
  while (count < MAPS && fgets(line, sizeof line, file)) {
    unsigned long *map = maps[count];
    const char *form = "%lx-%lx %*3s%c %*x %*x:%*x %lu";
    count += sscanf(line, form, &map[0], &map[1], &private, &inode) == 4 && private == 'p' && !inode;
  }
  fclose(file);
  for (size_t i = 0; i < count; i++) madvise((void *)maps[i][0], maps[i][1] - maps[i][0], MADV_DOFORK);
  return 0;
}

/* In the thread's own record, of which libc says nothing: the one place that has its number. */
static int *find_tid(void) {
  enum { RECORD = 1536 };
  int tid = (int)syscall(SYS_gettid), *found = NULL, count = 0;
  int *at = (int *)held.thread;
  for (size_t i = 0; i < RECORD / sizeof tid; i++)
    if (at[i] == tid) found = at + i, count++;
  return count == 1 ? found : NULL;
}

static int hold_all(void) {
  if (!&__curbrk || !uv_update_time) return ENOSYS;
  if (syscall(SYS_arch_prctl, ARCH_GET_FS, &held.thread)) return errno;
  if (syscall(SYS_get_robust_list, 0, &held.robust, &held.robust_size)) return errno;
  held.tid = find_tid();
  if (!held.tid) return ENOTSUP;
  syscall(SYS_rt_sigprocmask, 0, NULL, &held.mask, sizeof held.mask);
  for (int i = 1; i < SIGNALS; i++) syscall(SYS_rt_sigaction, i, NULL, &held.actions[i], sizeof held.mask);
  return share_with_children();
}

/*
 * Takes what was given back to malloc(3), which lies all over its heap: whoever is made of this would
 * touch a page of the image for nearly each piece. What comes now is cut from the heap's end.
 */
static void take_free(void) {
  enum { LARGEST = 1 << 16, STEP = 16 };
  if (!mallinfo2) return;
  char *end = (char *)sbrk(0) - mallinfo2().keepcost;
  for (size_t size = LARGEST; size > 0; size -= STEP) {
    char *piece = malloc(size);
    while (piece && piece < end) piece = malloc(size);
    free(piece);
  }
}

/*
 * The child, whose memory is taken as it is now: there is no brk(2) in what is made of it. It stops,
 * by which `parent` sees that fork(2) has put all in order in it, and is not left when that one ends.
 */
static void stay(pid_t parent) {
  take_free();
  __curbrk = (void *)-65536L;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  while (getppid() == parent) raise(SIGSTOP);
  _exit(1);
}

static pid_t stopped_copy(void) {
  pid_t parent = getpid(), child = fork();
  if (child == 0) stay(parent);
  int status;
  while (child > 0 && waitpid(child, &status, WUNTRACED) < 0)
    if (errno != EINTR) return -1;
  if (child > 0 && !WIFSTOPPED(status)) errno = ECHILD, child = -1;
  return child;
}

static struct {
  int is;
  struct termios state;
} terminals[3];

/* Node's own handler of what ends it gives terminals back as they were when it was frozen: as none. */
static void give_back(int number) {
  sigset_t output;
  sigemptyset(&output);
  sigaddset(&output, SIGTTOU); /* of who is in the background */
  pthread_sigmask(SIG_BLOCK, &output, NULL);
  for (int i = 0; i < 3; i++)
    if (terminals[i].is) tcsetattr(i, TCSANOW, &terminals[i].state);
  signal(number, SIG_DFL);
  raise(number);
}

/* What the kernel has of a process beside its memory, as Node has set it when it started. */
static void go_on(struct uv_loop_s *loop, const struct called *called) {
  *held.tid = (int)syscall(SYS_gettid);
  syscall(SYS_set_tid_address, held.tid);
  syscall(SYS_set_robust_list, held.robust, held.robust_size);
  for (int i = 0; i < 3; i++) terminals[i].is = tcgetattr(i, &terminals[i].state) == 0;
  held.actions[SIGINT].handler = held.actions[SIGTERM].handler = (void *)give_back;
  for (int i = 1; i < SIGNALS; i++) syscall(SYS_rt_sigaction, i, &held.actions[i], NULL, sizeof held.mask);
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &held.mask, NULL, sizeof held.mask);
  struct rlimit files;
  if (!getrlimit(RLIMIT_NOFILE, &files) && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  prctl(PR_SET_NAME, "nacre");
  environ = called->environment;
  uv_update_time(loop);
}

napi_value freeze(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value list, value;
  napi_create_array(env, &list);
  struct uv_loop_s *loop;
  napi_get_uv_event_loop(env, &loop);
  int failed = hold_all();
  if (failed) return refuse(env, "freeze", failed);
  const struct called *called = (const void *)hold(held.registers);
  if (!called) {
    pid_t child = stopped_copy();
    if (child < 0) return refuse(env, "freeze", errno);
    napi_create_int32(env, child, &value);
    napi_set_element(env, list, 0, value);
    for (uint32_t i = 0; i <= REGISTERS; i++) {
      napi_create_bigint_int64(env, i < REGISTERS ? held.registers[i] : held.thread, &value);
      napi_set_element(env, list, i + 1, value);
    }
    return list;
  }
  go_on(loop, called);
  char pid[16];
  snprintf(pid, sizeof pid, "%d", getpid());
  for (uint32_t i = 0; i <= called->count; i++) {
    const char *text = i ? called->arguments[i - 1] : pid;
    napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
    napi_set_element(env, list, i, value);
  }
  return list;
}
#else
napi_value freeze(napi_env env, napi_callback_info info) {
  (void)info;
  return refuse(env, "freeze", ENOSYS);
}
#endif
