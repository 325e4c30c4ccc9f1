/*
 * A Node that has started is frozen once after each start of the machine, and every command begins
 * where that one was stopped: its memory is mapped from a file, copy on write, its descriptors are
 * made again, and it goes on (docs/decisions/0046-frozen-node.md; freeze.c of the addon stops it).
 *
 * Whatever is not as it was leads to a usual start: another kernel, another file of a library, another
 * owner, variables that Node reads as it starts. Until the first mapping nothing has been changed, and
 * after it execve(2) still makes everything new.
 */
#include "thaw.h"
#include <asm/prctl.h>
#include <asm/stat.h>
#include <asm/unistd.h>
#include <linux/auxvec.h>
#include <linux/errno.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/filter.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <linux/stat.h>
#include "room.h"
#include "system.h"

/* Whoever is to be frozen has its descriptors from LOWEST on, where callers have none. */
enum { LOWEST = 64, FILES = 32 };
/* What an image is: for this start, for none any more, or for another one than this. */
enum { FIT, STALE, UNFIT };

#if defined(__x86_64__)
/* Goes on where `registers` were kept: `called` is what that call returns. */
__attribute__((noreturn)) void go_on(const long *registers, struct called *called);
__asm__(".globl go_on\ngo_on:\n mov 0(%rdi), %rbx\n mov 8(%rdi), %rbp\n mov 16(%rdi), %r12\n"
        " mov 24(%rdi), %r13\n mov 32(%rdi), %r14\n mov 40(%rdi), %r15\n mov 48(%rdi), %rsp\n"
        " mov %rsi, %rax\n jmp *56(%rdi)\n");

static const struct frozen *const frozen = (void *)HEAD;
static const char *text(long at) { return (char *)HEAD + at; }

#define UNFROZEN "NACRE_UNFROZEN="

static char *copied(char *to, const char *from) {
  while (to < (char *)END && (*to++ = *from)) from++;
  return to;
}

/*
 * A copy, since what the kernel's stack has may be mapped over; 0 where there is too much. Behind
 * the environment's end stands what tell() adds to it.
 */
static struct called *kept(const struct called *called, const char *image) {
  long count = called->count, variables = 0;
  while (called->environment[variables]) variables++;
  long pointers = count + 1 + variables + 2;
  if (pointers > (END - CALLED) / 2 / (long)sizeof(char *)) return 0;
  struct called *copy = (void *)CALLED;
  char **pointer = (char **)(copy + 1), *bytes = (char *)(pointer + pointers);
  *copy = (struct called){count, pointer, pointer + count + 1};
  for (long i = 0; i < count; i++) {
    copy->arguments[i] = bytes;
    bytes = copied(bytes, called->arguments[i]);
  }
  for (long i = 0; i < variables; i++) {
    copy->environment[i] = bytes;
    bytes = copied(bytes, called->environment[i]);
  }
  copy->environment[variables + 1] = bytes;
  bytes = copied(copied(bytes, UNFROZEN) - 1, image);
  return bytes < (char *)END ? copy : 0;
}

/* That there is no image, or none of today. */
static void tell(struct called *called) {
  char **end = called->environment;
  while (*end) end++;
  end[0] = end[1];
  end[1] = 0;
}

/* Not waiting: a pipe in a file's place would have it wait for ever. */
static long opened(const char *path, struct stat *status) {
  long how = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  long file = ask(__NR_openat, AT_FDCWD, (long)path, how, 0, 0, 0);
  if (!failed(file) && ask(__NR_fstat, file, (long)status, 0, 0, 0, 0) == 0 && file < LOWEST) {
    return file;
  }
  if (!failed(file)) ask(__NR_close, file, 0, 0, 0, 0, 0);
  return failed(file) ? file : -EMFILE;
}

/* Where there is no /proc nobody could make another image either. */
static int of_boot(void) {
  char now[sizeof frozen->boot] = "";
  const char *path = "/proc/sys/kernel/random/boot_id";
  long file = ask(__NR_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
  if (failed(file)) return UNFIT;
  long count = ask(__NR_read, file, (long)now, 36, 0, 0, 0);
  ask(__NR_close, file, 0, 0, 0, 0, 0);
  return count == 36 && same(now, frozen->boot) ? FIT : STALE;
}

/* Into `files`, from 1 on; STALE where one is not what it was. */
static int open_files(long *files) {
  const struct file *file = (void *)text(frozen->files.at);
  if (frozen->files.count >= FILES) return STALE;
  for (long i = 0; i < frozen->files.count; i++, file++) {
    struct stat now;
    files[i + 1] = opened(text(file->path), &now);
    if (failed(files[i + 1])) return files[i + 1] == -EMFILE ? UNFIT : STALE;
    int unchanged = (long)now.st_ctime == file->changed && (long)now.st_ctime_nsec == file->changed_ns;
    if (!unchanged || (long)now.st_size != file->size || (long)now.st_ino != file->inode ||
        (long)now.st_dev != file->device) {
      return STALE;
    }
  }
  return FIT;
}

/* Whether what is called for would start as the frozen Node has. */
static int suits(const struct called *called) {
  if (!same(called->arguments[0], text(frozen->node))) return 0;
  /* OpenSSL draws anew where its pid is another one, as after fork(2). */
  if (ask(__NR_getpid, 0, 0, 0, 0, 0, 0) == frozen->seeded) return 0;
  for (char **variable = called->environment; *variable; variable++)
    for (const char *plain = text(frozen->plain); *plain; plain += length(plain) + 1)
      if (begins(*variable, plain)) return 0;
  const struct descriptor *one = (void *)text(frozen->descriptors.at);
  for (long i = 0; i < frozen->descriptors.count; i++, one++) {
    if (one->kind == WATCH) continue;
    if (ask(__NR_fcntl, one->number, F_GETFD, 0, 0, 0, 0) != -EBADF) return 0;
    if (one->kind == PIPE && ask(__NR_fcntl, one->other, F_GETFD, 0, 0, 0, 0) != -EBADF) return 0;
  }
  return 1;
}

/* The kernel's clock and its code, which libc remembers the place of. */
static int move_kernels(long vdso) {
  const struct map *map = (void *)text(frozen->kernels.at);
  long by = frozen->vdso - vdso;
  for (long i = 0; by && i < frozen->kernels.count; i++, map++) {
    long flags = MREMAP_MAYMOVE | MREMAP_FIXED;
    long moved = ask(__NR_mremap, map->address - by, map->length, map->length, flags, map->address, 0);
    if (failed(moved)) return 0;
  }
  return 1;
}

static int map_all(const long *files) {
  const struct map *map = (void *)text(frozen->maps.at);
  for (long i = 0; i < frozen->maps.count; i++, map++) {
    int anonymous = map->what == ANONYMOUS;
    long flags = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE | (anonymous ? MAP_ANONYMOUS : 0);
    long file = anonymous ? -1 : files[map->what];
    long at = ask(__NR_mmap, map->address, map->length, map->protection, flags, file, map->offset);
    if (failed(at)) return 0;
  }
  return 1;
}

static int placed(long file, long number, long flags) {
  if (failed(file)) return 0;
  long there = ask(__NR_dup3, file, number, flags & O_CLOEXEC, 0, 0, 0);
  ask(__NR_close, file, 0, 0, 0, 0, 0);
  return there == number;
}

static int make_descriptors(void) {
  const struct descriptor *one = (void *)text(frozen->descriptors.at);
  for (long i = 0; i < frozen->descriptors.count; i++, one++) {
    int ends[2];
    int made = 0;
    if (one->kind == PIPE && ask(__NR_pipe2, (long)ends, one->flags, 0, 0, 0, 0) == 0) {
      made = placed(ends[0], one->number, one->flags) && placed(ends[1], one->other, one->flags);
      /* What they say has no meaning: libuv counts it. */
      for (long n = 0; n < one->amount; n++) ask(__NR_write, one->other, (long)"*", 1, 0, 0, 0);
    } else if (one->kind == EVENTS) {
      made = placed(ask(__NR_eventfd2, 0, one->flags, 0, 0, 0, 0), one->number, one->flags);
    } else if (one->kind == EPOLL) {
      made = placed(ask(__NR_epoll_create1, 0, 0, 0, 0, 0, 0), one->number, one->flags);
    } else if (one->kind == WATCH) {
      struct epoll_event event = {(__poll_t)one->amount, (__u64)one->other};
      made = ask(__NR_epoll_ctl, one->number, EPOLL_CTL_ADD, one->other, (long)&event, 0, 0) == 0;
    }
    if (!made) return 0;
  }
  return 1;
}

/* The head of an image, which must be one of today. */
static int read_head(const struct stat *status, long *files) {
  if (failed(files[IMAGE])) return STALE;
  long at = ask(__NR_mmap, HEAD, CALLED - HEAD, PROT_READ, MAP_PRIVATE | MAP_FIXED, files[IMAGE], 0);
  if (failed(at) || (long)status->st_size < (long)sizeof *frozen) return STALE;
  int whole = begins(frozen->magic, FROZEN) && frozen->size == (long)status->st_size;
  int original = frozen->device == (long)status->st_dev && frozen->inode == (long)status->st_ino;
  int fit = whole && original ? of_boot() : STALE;
  return fit == FIT ? open_files(files) : fit;
}

/* Of who we are, and for nobody else to read. */
static int ours(const struct stat *status) {
  return (status->st_mode & S_IFMT) == S_IFREG && !(status->st_mode & 077) &&
         status->st_uid == ask(__NR_geteuid, 0, 0, 0, 0, 0, 0);
}

/* Node opens /dev/null where there is none of these: what it opened later would else be written to. */
static int has_streams(void) {
  for (long i = 0; i < 3; i++)
    if (ask(__NR_fcntl, i, F_GETFD, 0, 0, 0, 0) == -EBADF) return 0;
  return 1;
}

static long vdso_of(char **environment) {
  while (*environment) environment++;
  const long *fact = (long *)(environment + 1);
  while (fact[0] != AT_NULL && fact[0] != AT_SYSINFO_EHDR) fact += 2;
  return fact[0] == AT_NULL ? 0 : fact[1];
}

void thaw(const char *path, struct called *called) {
  struct stat status;
  long files[FILES];
  for (long i = 0; i < FILES; i++) files[i] = -1;
  long vdso = vdso_of(called->environment);
  long flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS;
  long room = ask(__NR_mmap, CALLED, END - CALLED, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (failed(room) || !has_streams() || !has_room()) return;
  files[IMAGE] = opened(path, &status);
  if (failed(files[IMAGE]) ? files[IMAGE] != -ENOENT : !ours(&status)) return;
  struct called *copy = kept(called, path);
  if (!copy) return;
  *called = *copy;
  int fit = read_head(&status, files);
  if (fit == STALE) {
    tell(called);
  } else if (fit == FIT && suits(called) && move_kernels(vdso) && map_all(files)) {
    for (long i = 0; i < FILES; i++)
      if (files[i] >= 0) ask(__NR_close, files[i], 0, 0, 0, 0, 0);
    if (make_descriptors()) {
      ask(__NR_arch_prctl, ARCH_SET_FS, frozen->thread, 0, 0, 0, 0);
      go_on(frozen->registers, copy);
    }
  }
}

/*
 * What a thawed process could not have again is refused to the one that is frozen: rings shared with
 * the kernel, keys of memory, and a place where the kernel says which processor it is on.
 */
void make_freezable(void) {
  struct sock_filter refused[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 3, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_pkey_alloc, 2, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_rseq, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
  };
  struct sock_fprog filter = {sizeof refused / sizeof *refused, refused};
  /* Without chance in its addresses (setarch -R) all that begin from it would be. */
  ask(__NR_personality, 0, 0, 0, 0, 0, 0);
  ask(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);
  ask(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, (long)&filter, 0, 0, 0);
  ask(__NR_close_range, 3, ~0U, 0, 0, 0, 0);
  long null = ask(__NR_openat, AT_FDCWD, (long)"/dev/null", O_RDWR, 0, 0, 0);
  for (long i = null + 1; i < LOWEST; i++) ask(__NR_dup3, null, i, 0, 0, 0, 0);
}
#else
/* Not written for this processor. */
void thaw(const char *path, struct called *called) { (void)path, (void)called; }
void make_freezable(void) {}
#endif
