/* execve(2), and whether it would find anything. */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "nacre.h"
#include "operations.h"

static int try_to_execute(const char *path, char **arguments, char **environment) {
  if (is_own_binary(path)) errno = EACCES;
  else execve(path, arguments, environment);
  return errno;
}

/* As execvp(3), but for the PATH of the new environment and without a shell for what has no magic. */
static int search(char **arguments, char **environment) {
  const char *name = arguments[0], *path = NULL;
  if (strchr(name, '/') || !*name) return try_to_execute(name, arguments, environment);
  for (char **e = environment; *e; e++)
    if (!strncmp(*e, "PATH=", 5)) path = *e + 5;
  int error = ENOENT;
  for (size_t size; path; path = path[size] ? path + size + 1 : NULL) {
    char full[PATH_MAX];
    size = strcspn(path, ":");
    snprintf(full, sizeof full, "%.*s/%s", size ? (int)size : 1, size ? path : ".", name);
    int now = try_to_execute(full, arguments, environment);
    if (now == EACCES) error = now;
    else if (now != ENOENT && now != ENOTDIR) return now;
  }
  return error;
}

/* As `search`, but only looks. */
int find_program(const struct operation *o) {
  const char *name = o->argument[FIND_PROGRAM_ARGUMENTS].data, *path = NULL;
  int error = ENOENT;
  struct stat s;
  errno = EINVAL;
  if (o->argument[FIND_PROGRAM_ARGUMENTS].size == 0) return because("no command");
  for (const char *e = NULL; (e = next_string(&o->argument[FIND_PROGRAM_ENVIRONMENT], e));)
    if (!strncmp(e, "PATH=", 5)) path = e + 5;
  if (strchr(name, '/') || !*name) path = NULL;
  for (size_t size = 0;; path = path + size + 1) {
    char full[PATH_MAX];
    size = path ? strcspn(path, ":") : 0;
    if (path) snprintf(full, sizeof full, "%.*s/%s", size ? (int)size : 1, size ? path : ".", name);
    else snprintf(full, sizeof full, "%s", name);
    bool there = stat(full, &s) == 0;
    if (there && S_ISDIR(s.st_mode)) error = EACCES;
    else if (there && faccessat(AT_FDCWD, full, X_OK, AT_EACCESS) == 0) return 0;
    else if (there || (errno != ENOENT && errno != ENOTDIR)) error = there ? EACCES : errno;
    if (!path || !path[size]) break;
  }
  errno = error;
  return because("%s", name);
}

/* The caller's descriptors that the process is to have: from FIRST_GIVEN on to 3 on. */
static int take_descriptors(void) {
  int last = FIRST_GIVEN + self.given;
  if (self.given && self.sync < last) {
    int sync = fcntl(self.sync, F_DUPFD_CLOEXEC, last);
    if (sync < 0) return because("dup");
    self.sync = sync;
  }
  for (int i = 0; i < self.given; i++)
    if (dup2(FIRST_GIVEN + i, 3 + i) < 0) return because("descriptor %d", 3 + i);
  return 0;
}

int execute(const struct operation *o) {
  sigset_t none;
  char **arguments = string_list(&o->argument[EXECUTE_ARGUMENTS]);
  char **environment = string_list(&o->argument[EXECUTE_ENVIRONMENT]);
  errno = EINVAL;
  if (!arguments || !environment || !*arguments) return because("no command");
  if (take_descriptors()) return -1;
  if (k_close_range(3 + (unsigned)self.given, CLOSE_RANGE_CLOEXEC)) return because("close_range");
  for (int signal_number = 1; signal_number < NSIG; signal_number++) signal(signal_number, SIG_DFL);
  umask(self.umask);
  tell_parent(ABOUT_TO_EXECUTE, 0, -1);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  errno = search(arguments, environment);
  return because("%s", arguments[0]);
}
