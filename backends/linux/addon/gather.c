/*
 * mmap(2) of a Node that is to be frozen, which has this file preloaded (cli/frozen.ts): V8 asks for each
 * piece of its heap at an address drawn by lot, and here it comes behind the one before. What a command
 * begins with is then one part of its address space instead of a hundred: a hundred mappings less to
 * make, and a page table for eight pieces where each had its own. Where the first one lies is still drawn.
 *
 * A Node that is not frozen has libc's mmap before this one, and never calls it.
 */
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __GLIBC__
/* V8 asks for a piece and what aligns it, and gives that back; it has other uses for more than MOST. */
enum { PIECE = 1 << 18, MOST = 1 << 23 };

static _Atomic unsigned long next;

/* The name that Node calls it by. */
void *mmap64(void *hint, size_t length, int protection, int flags, int file, off64_t offset) {
  if (hint && !(flags & MAP_FIXED) && flags & MAP_ANONYMOUS && length >= PIECE && length < MOST) {
    unsigned long none = 0, size = length / PIECE * PIECE;
    atomic_compare_exchange_strong(&next, &none, (unsigned long)hint / PIECE * PIECE);
    hint = (void *)atomic_fetch_add(&next, size);
  }
  return (void *)syscall(SYS_mmap, hint, length, protection, flags, file, offset);
}
#endif
