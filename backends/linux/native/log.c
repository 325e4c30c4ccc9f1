/*
 * The container's output in docker's json-file form: {"log":"line\n","stream":"stdout","time":…}.
 * The newest lines are in the file of the log's own name, older ones in NAME.1, NAME.2 and so on.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "supervise.h"

static char out[64 << 10]; /* touched, and so resident, only as far as it is used */
static size_t used;
static int file = -1;
static const char *path;
static int64_t most_bytes, most_files, written; /* most_bytes: 0 for no limit */

static int open_file(void) {
  return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
}

int log_open(const char *name, int64_t bytes, int64_t files) {
  struct stat s;
  path = strdup(name);
  most_bytes = bytes;
  most_files = files;
  if (!path || (file = open_file()) < 0 || fstat(file, &s)) return because("open %s", name);
  written = s.st_size;
  return 0;
}

/* A full disk loses lines of the log, never the container. */
static void flush(size_t room) {
  if (used + room <= sizeof out) return;
  written += (int64_t)used;
  for (ssize_t n, at = 0; (size_t)at < used; at += n)
    if ((n = write(file, out + at, used - (size_t)at)) <= 0) break;
  used = 0;
}

/* RFC 3339 in UTC; days to civil date by eras of 400 years, whose first day is 1 March. */
static int print_time(char *to, size_t size) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  int second = (int)(now.tv_sec % 86400), day = (int)(now.tv_sec / 86400) + 719468;
  int era = day / 146097, of_era = day % 146097;
  int year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  int of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
  return snprintf(to, size, "%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ", year + era * 400 + (month > 9),
                  month < 10 ? month + 3 : month - 9, of_year - (153 * month + 2) / 5 + 1,
                  second / 3600, second / 60 % 60, second % 60, now.tv_nsec);
}

static const char *older(char to[PATH_MAX], int64_t age) {
  snprintf(to, PATH_MAX, age == 0 ? "%s" : "%s.%lld", path, (long long)age);
  return to;
}

/* Who reads goes by inodes: a file is complete when another has its name, and is never cut short. */
static void rotate(void) {
  char from[PATH_MAX], to[PATH_MAX];
  int64_t age = 1;
  while (age < most_files - 1 && access(older(to, age), F_OK) == 0) age++;
  for (; age > 0 && most_files > 1; age--) rename(older(from, age - 1), older(to, age));
  if (most_files <= 1) unlink(path);
  int next = open_file();
  written = 0; /* where no file can be made the old one goes on for as long again */
  if (next < 0) return;
  close(file);
  file = next;
}

static void put_line(const char *name, const char *data, size_t size) {
  if (journal_wanted()) return journal_line(name, data, size);
  if (most_bytes > 0 && written + (int64_t)used >= most_bytes) {
    flush(sizeof out);
    rotate();
  }
  flush(128);
  used += (size_t)snprintf(out + used, 16, "{\"log\":\"");
  for (size_t i = 0; i < size; i++) {
    unsigned char c = (unsigned char)data[i];
    flush(8);
    if (c == '"' || c == '\\') out[used++] = '\\';
    if (c >= 0x20 && c != 0x7f) out[used++] = (char)c;
    else used += (size_t)snprintf(out + used, 8, c == '\n' ? "\\n" : "\\u%04x", c);
  }
  flush(256);
  used += (size_t)snprintf(out + used, 64, "\",\"stream\":\"%s\",\"time\":\"", name);
  used += (size_t)print_time(out + used, 128);
  used += (size_t)snprintf(out + used, 8, "\"}\n");
}

/* How much of a full buffer to take: not the start of a character whose rest is still to come. */
static size_t whole_characters(const char *data, size_t size) {
  size_t back = 1;
  while (back < 4 && ((unsigned char)data[size - back] & 0xc0) == 0x80) back++;
  unsigned char lead = (unsigned char)data[size - back];
  size_t whole = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return whole > back ? size - back : size;
}

/* Writes the whole lines of the buffer; with `all`, or when it is full, the unfinished one, too. */
void log_lines(struct stream *s, bool all) {
  size_t from = 0;
  for (char *end; (end = memchr(s->data + from, '\n', s->used - from));) {
    size_t next = (size_t)(end - s->data) + 1;
    put_line(s->name, s->data + from, next - from);
    from = next;
  }
  if (s->used > from && (all || (from == 0 && s->used == sizeof s->data))) {
    size_t size = all ? s->used : whole_characters(s->data, s->used);
    put_line(s->name, s->data + from, size - from);
    from = size;
  }
  memmove(s->data, s->data + from, s->used - from);
  s->used -= from;
  flush(sizeof out);
}
