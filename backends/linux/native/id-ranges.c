/* The subordinate IDs that /etc/subuid and /etc/subgid give to a user, mapped by newuidmap(1). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "nacre.h"
#include "rootless.h"

enum { MOST_RANGES = 32, ARGUMENTS = 2 + 3 * (MOST_RANGES + 1) + 1, NUMBER = 24, NAME = 256, TEXT = 1 << 20 };

/* Without stdio, which would make the program larger that waits beside each container. */
static char *read_lines(const char *path) {
  static char text[TEXT + 1];
  OWNED fd = open(path, O_RDONLY | O_CLOEXEC);
  text[read_to_end(fd, text, TEXT)] = 0;
  return text;
}

/* Takes what stands before the next `end`, or all that is left. */
static char *take(char **from, char end) {
  char *at = *from, *stop = strchr(at, end);
  *from = stop ? stop + 1 : at + strlen(at);
  if (stop) *stop = 0;
  return at;
}

/* The name that /etc/passwd has, or that the environment says: newuidmap looks it up by itself. */
static void name_of(uid_t uid, char name[NAME]) {
  const char *said = getenv("USER");
  snprintf(name, NAME, "%s", said ? said : "");
  for (char *rest = read_lines("/etc/passwd"); *rest;) {
    char *line = take(&rest, '\n'), *found = take(&line, ':');
    take(&line, ':');
    if (*line && strtoul(line, NULL, 10) == uid) {
      snprintf(name, NAME, "%s", found);
      return;
    }
  }
}

/* Writes first and count of each range of the user; how many there are. */
static int ranges_of(const char *file, uid_t uid, unsigned long ranges[MOST_RANGES][2]) {
  char name[NAME], number[NUMBER];
  int count = 0;
  name_of(uid, name);
  snprintf(number, sizeof number, "%u", uid);
  for (char *rest = read_lines(file); *rest && count < MOST_RANGES;) {
    char *line = take(&rest, '\n'), *owner = take(&line, ':');
    ranges[count][0] = strtoul(take(&line, ':'), NULL, 10);
    ranges[count][1] = strtoul(line, NULL, 10);
    if (!*owner || ranges[count][1] == 0) continue;
    if (!strcmp(owner, number) || !strcmp(owner, name)) count++;
  }
  return count;
}

static void run(const char *name, char **arguments) {
  char path[64];
  pid_t pid = fork();
  if (pid == 0) {
    execvp(name, arguments);
    snprintf(path, sizeof path, "/usr/bin/%s", name);
    execv(path, arguments);
    _exit(127);
  }
  while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
}

/* 0 is the user, and from 1 on come its ranges. */
static void map(char *program, const char *file, pid_t pid, unsigned id, uid_t uid) {
  static char words[ARGUMENTS][NUMBER];
  char *arguments[ARGUMENTS + 1] = {program};
  unsigned long ranges[MOST_RANGES][2], next = 1;
  int count = ranges_of(file, uid, ranges), used = 0;
  if (count == 0) return;
  snprintf(words[used++], NUMBER, "%d", (int)pid);
  snprintf(words[used++], NUMBER, "0");
  snprintf(words[used++], NUMBER, "%u", id);
  snprintf(words[used++], NUMBER, "1");
  for (int i = 0; i < count; next += ranges[i++][1]) {
    snprintf(words[used++], NUMBER, "%lu", next);
    snprintf(words[used++], NUMBER, "%lu", ranges[i][0]);
    snprintf(words[used++], NUMBER, "%lu", ranges[i][1]);
  }
  for (int i = 0; i < used; i++) arguments[1 + i] = words[i];
  run(program, arguments);
}

/* Maps what there is; where there is nothing, or nobody who may, nothing is mapped. */
void map_range(pid_t pid, uid_t uid, gid_t gid) {
  signal(SIGCHLD, SIG_DFL);
  map("newgidmap", "/etc/subgid", pid, gid, uid);
  map("newuidmap", "/etc/subuid", pid, uid, uid);
}
