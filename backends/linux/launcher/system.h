/* System calls, and what is little enough to be had without a libc. */
#ifndef NACRE_SYSTEM_H
#define NACRE_SYSTEM_H

#if defined(__x86_64__)
static inline long ask(long number, long a, long b, long c, long d, long e, long f) {
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
static inline long ask(long number, long a, long b, long c, long d, long e, long f) {
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

static inline int failed(long result) { return result < 0 && result > -4096; }

static inline long length(const char *text) {
  long count = 0;
  while (text[count]) count++;
  return count;
}

/* Whether `text` begins with `beginning`. */
static inline int begins(const char *text, const char *beginning) {
  while (*beginning)
    if (*text++ != *beginning++) return 0;
  return 1;
}

static inline int same(const char *one, const char *other) {
  return begins(one, other) && length(one) == length(other);
}

#endif
