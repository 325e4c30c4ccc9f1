/* What makes a user who is not root the root of a namespace. */
#ifndef NACRE_ROOTLESS_H
#define NACRE_ROOTLESS_H

#include <sys/types.h>

/* rootless.c */
int run_unprivileged(char **command);

/* id-ranges.c */
void map_range(pid_t pid, uid_t uid, gid_t gid);

#endif
