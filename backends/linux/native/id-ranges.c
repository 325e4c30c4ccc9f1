/* The subordinate IDs that /etc/subuid and /etc/subgid give to a user, mapped by newuidmap(1). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "nacre.h"
#include "rootless.h"

enum { MOST_RANGES = 32, ARGUMENTS = 2 + 3 * (MOST_RANGES + 1) + 1, NUMBER = 24, NAME = 256 };

/* The name that /etc/passwd has, or that the environment says: newuidmap looks it up by itself. */
static void name_of(uid_t uid, char name[NAME]) {
  char line[1024], found[NAME];
  unsigned id;
  const char *said = getenv("USER");
  snprintf(name, NAME, "%s", said ? said : "");
  FILE *passwd = fopen("/etc/passwd", "re");
  while (passwd && fgets(line, sizeof line, passwd))
    if (sscanf(line, "%255[^:]:%*[^:]:%u:", found, &id) == 2 && id == uid) {
      snprintf(name, NAME, "%s", found);
      break;
    }
  if (passwd) fclose(passwd);
}

/* Writes first and count of each range of the user; how many there are. */
static int ranges_of(const char *file, uid_t uid, unsigned long ranges[MOST_RANGES][2]) {
  char name[NAME], number[NUMBER], line[1024], owner[NAME];
  int count = 0;
  name_of(uid, name);
  snprintf(number, sizeof number, "%u", uid);
  FILE *all = fopen(file, "re");
  while (all && count < MOST_RANGES && fgets(line, sizeof line, all)) {
    unsigned long *range = ranges[count];
    if (sscanf(line, "%255[^:]:%lu:%lu", owner, &range[0], &range[1]) != 3 || range[1] == 0) continue;
    if (!strcmp(owner, number) || (*name && !strcmp(owner, name))) count++;
  }
  if (all) fclose(all);
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
