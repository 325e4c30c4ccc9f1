/* execve(2), and whether it would find anything. */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "nacre.h"
#include "operations.h"

/* Whether execve(2) would begin to execute it: 0 or errno. */
static int try_to_find(const char *path) {
  struct stat s;
  if (stat(path, &s)) return errno;
  if (!S_ISREG(s.st_mode) || is_own_binary(path)) return EACCES;
  return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) ? errno : 0;
}

/* As execvp(3), but for the PATH of the new environment. 0 with the program's name, or errno. */
static int search(const char *name, const struct argument *environment, char found[PATH_MAX]) {
  const char *path = NULL;
  snprintf(found, PATH_MAX, "%s", name);
  if (strlen(name) >= PATH_MAX) return ENAMETOOLONG;
  if (strchr(name, '/') || !*name) return try_to_find(name);
  for (const char *e = NULL; (e = next_string(environment, e));)
    if (!strncmp(e, "PATH=", 5)) path = e + 5;
  int error = ENOENT;
  for (size_t size; path; path = path[size] ? path + size + 1 : NULL) {
    size = strcspn(path, ":");
    snprintf(found, PATH_MAX, "%.*s/%s", size ? (int)size : 1, size ? path : ".", name);
    int now = try_to_find(found);
    if (now == EACCES) error = now;
    else if (now != ENOENT && now != ENOTDIR) return now;
  }
  return error;
}

/* Only looks, so that it can be said before the start. */
int find_program(const struct operation *o) {
  char found[PATH_MAX];
  const struct argument *arguments = &o->argument[FIND_PROGRAM_ARGUMENTS];
  errno = EINVAL;
  if (arguments->size == 0) return because("no command");
  errno = search(arguments->data, &o->argument[FIND_PROGRAM_ENVIRONMENT], found);
  return errno ? because("%s", arguments->data) : 0;
}

/* The caller's descriptors that the process is to have: from FIRST_GIVEN on to 3 on. What is still
   needed is moved out of their way. */
static int take_descriptors(void) {
  int last = FIRST_GIVEN + self.given, *needed[] = {&self.sync, &self.proc, &self.listener};
  for (size_t i = 0; self.given && i < sizeof needed / sizeof *needed; i++)
    if (*needed[i] >= 0 && *needed[i] < last && (*needed[i] = fcntl(*needed[i], F_DUPFD_CLOEXEC, last)) < 0)
      return because("dup");
  for (int i = 0; i < self.given; i++)
    if (dup2(FIRST_GIVEN + i, 3 + i) < 0) return because("descriptor %d", 3 + i);
  return 0;
}

int execute(const struct operation *o) {
  sigset_t none;
  char found[PATH_MAX];
  char **arguments = string_list(&o->argument[EXECUTE_ARGUMENTS]);
  char **environment = string_list(&o->argument[EXECUTE_ENVIRONMENT]);
  errno = EINVAL;
  if (!arguments || !environment || !*arguments) return because("no command");
  if (take_descriptors()) return -1;
  if (k_close_range(3 + (unsigned)self.given, CLOSE_RANGE_CLOEXEC)) return because("close_range");
  for (int n = 1; n < NSIG; n++) k_rt_sigaction(n);
  umask(self.umask);
  tell_parent(ABOUT_TO_EXECUTE, 0, -1);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  errno = search(arguments[0], &o->argument[EXECUTE_ENVIRONMENT], found);
  if (errno) return because("%s", arguments[0]);
  if (install_filter()) return -1; /* which might have refused to look */
  execve(found, arguments, environment);
  return because("%s", arguments[0]);
}
