// What the coordinator (interpreter.c) and the processes it directs (actor.c) share: the steps of
// a program, which every process has as its own copy, and one slot a process in shared memory,
// through which steps are handed out and results come back without a single descriptor.

#ifndef NACRE_TEST_ACTOR_H
#define NACRE_TEST_ACTOR_H

#include <stdint.h>
#include <sys/types.h>

#define ACTORS 8
#define STEPS 256
#define WORDS 8
#define OUTPUT 32768
#define SIGNALS 65

struct step {
  int actor;
  int count;
  char *words[WORDS]; // the call's name, then its arguments
};

struct slot {
  _Atomic uint32_t command; // number of the step to run, from 1
  _Atomic uint32_t done;    // number of the last one that was run
  _Atomic uint32_t born;
  _Atomic uint32_t handled[SIGNALS];
  long value;
  int error;
  char text[OUTPUT]; // the result, if it is more than a number
};

extern struct slot *slots;
extern struct step steps[STEPS];

void wait_on(_Atomic uint32_t *word, uint32_t seen, long nanoseconds);
void wake(_Atomic uint32_t *word);

/** Runs steps as actor `me` until it is killed. */
__attribute__((noreturn)) void act(int me);
/** Makes the tree that programs start in, and enters it for good. */
void prepare(const char *directory, const char *cgroup);

#endif
