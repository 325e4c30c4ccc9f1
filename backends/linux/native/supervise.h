/* What a supervisor relays: bytes of one descriptor to another, to the log, or to both. */
#ifndef NACRE_SUPERVISE_H
#define NACRE_SUPERVISE_H

#include "nacre.h"

struct stream {
  int from;         /* -1: ended */
  int to;           /* -1: nowhere */
  const char *name; /* in the log; NULL: not logged */
  long left;        /* how much is still to be read after the child's exit */
  size_t used;      /* bytes in data */
  size_t sent;      /* of these, what `to` got */
  char data[16 << 10];
};

int log_open(const char *path, int64_t bytes, int64_t files);
void log_lines(struct stream *stream, bool all);

#endif
