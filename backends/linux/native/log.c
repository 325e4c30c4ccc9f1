/* The container's output in docker's json-file form: {"log":"line\n","stream":"stdout","time":…}. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "supervise.h"

static char out[64 << 10]; /* touched, and so resident, only as far as it is used */
static size_t used;
static int file = -1;

int log_open(const char *path) {
  file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
  return file < 0 ? because("open %s", path) : 0;
}

/* A full disk loses lines of the log, never the container. */
static void flush(size_t room) {
  if (used + room <= sizeof out) return;
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

static void put_line(const char *name, const char *data, size_t size) {
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
