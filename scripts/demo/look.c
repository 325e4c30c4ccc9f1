/* The program of the demonstration's image: it looks around and tells what it sees. */

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static void line_of(const char *title, const char *const paths[]) {
  for (; *paths; paths++) {
    FILE *file = fopen(*paths, "r");
    char text[256] = "";
    if (!file) continue;
    if (fgets(text, sizeof text, file)) text[strcspn(text, "\n")] = 0;
    fclose(file);
    printf("%-12s %s  (%s)\n", title, text, *paths);
    return;
  }
  printf("%-12s not to be seen\n", title);
}

static void leave(int number) {
  (void)number;
  _exit(0);
}

int main(int count, char **words) {
  static const char *const kinds[] = {"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"};
  static const char *const memory[] = {"/sys/fs/cgroup/memory/memory.limit_in_bytes",
                                       "/sys/fs/cgroup/memory.max", 0};
  static const char *const pids[] = {"/sys/fs/cgroup/pids/pids.max", "/sys/fs/cgroup/pids.max", 0};
  static const char *const greeting[] = {"/etc/greeting", 0};
  struct utsname name;
  uname(&name);
  line_of("greeting", greeting);
  printf("%-12s process %d, user %d, on %s\n", "I am", getpid(), getuid(), name.nodename);
  printf("%-12s", "root");
  DIR *root = opendir("/");
  for (struct dirent *entry; root && (entry = readdir(root));)
    if (entry->d_name[0] != '.') printf(" /%s", entry->d_name);
  printf("\n");
  line_of("memory", memory);
  line_of("processes", pids);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    char path[64], target[64] = "";
    snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i]);
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length > 0) printf("%-12s %.*s\n", i ? "" : "namespaces", (int)length, target);
  }
  FILE *note = fopen("/note", "w");
  printf("%-12s %s\n", "writing", note ? "/note went to my own storage layer" : "refused");
  fflush(stdout);
  if (count > 1 && !strcmp(words[1], "--wait")) {
    signal(SIGTERM, leave); /* the first process of a pid namespace gets no default handlers */
    for (;;) pause();
  }
  return 0;
}
