/* What a supervisor relays: bytes of one descriptor to another, to the log, to who has attached. */
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

/* journal.c */
bool journal_wanted(void);
int journal_open(const char *path, const char *constant);
void journal_line(const char *name, const char *data, size_t size);

/* attach.c */
struct pollfd;
enum { CLIENTS = 8, WATCHED = CLIENTS + 1 };
int attach_listen(const char *path);
bool attach_poll(struct pollfd *ready, struct stream *input);
void attach_relay(const struct pollfd *ready);
void attach_output(int kind, const char *data, size_t size);
bool attach_pending(void);
void attach_close(void);

#endif
