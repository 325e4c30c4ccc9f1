#ifndef NACRE_THAW_H
#define NACRE_THAW_H
#include "frozen.h"

/*
 * Becomes what `image` has frozen and does not return; or returns, as if nothing had been, where it
 * cannot be. `called` then says what to execute: of an image that is out of date Node hears by the
 * environment, and so may another one be made.
 */
void thaw(const char *image, struct called *called);

/* What is executed next can be frozen. */
void make_freezable(void);

#endif
