/*
 * Node has a small heap where its cgroup has little memory. A frozen one has that of a machine, and
 * would be killed there. As libuv has it: the limit of the process's own cgroup (cgroups(7)).
 */
#include "room.h"
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include "system.h"

enum { TEXT = 4096, NUMBER = 20 };
static const long ENOUGH = 512L << 20;

/* Into `text`, with a NUL; 0 where there is nothing to be read. */
static long read_text(const char *path, char *text, long size) {
  long file = ask(__NR_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
  if (failed(file)) return 0;
  long count = ask(__NR_read, file, (long)text, size - 1, 0, 0, 0);
  ask(__NR_close, file, 0, 0, 0, 0, 0);
  if (failed(count)) count = 0;
  text[count] = 0;
  return count;
}

/* Where a line goes on behind `beginning`, which stands in it behind the hierarchy's number; or 0. */
static const char *behind(const char *text, const char *beginning) {
  while (*text) {
    const char *at = text;
    while (*at && *at != ':' && *at != '\n') at++;
    if (begins(at, beginning)) return at + length(beginning);
    while (*at && *at != '\n') at++;
    text = *at ? at + 1 : at;
  }
  return 0;
}

static char *append(char *to, const char *from) {
  while (*from && *from != '\n') *to++ = *from++;
  *to = 0;
  return to;
}

int has_room(void) {
  static char groups[TEXT], path[TEXT + 64], number[NUMBER];
  if (!read_text("/proc/self/cgroup", groups, TEXT)) return 1;
  const char *group = behind(groups, ":memory:");
  int first = group != 0;
  if (!group) group = behind(groups, "::");
  if (!group) return 1;
  char *end = append(path, first ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup");
  append(append(end, group), first ? "/memory.limit_in_bytes" : "/memory.max");
  long count = read_text(path, number, NUMBER), limit = 0;
  if (count == 0 || *number < '0' || *number > '9') return 1; /* "max" */
  for (const char *digit = number; *digit >= '0' && *digit <= '9'; digit++) limit = limit * 10 + (*digit - '0');
  return count == NUMBER - 1 || limit >= ENOUGH;
}
