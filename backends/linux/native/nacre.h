/*
 * nacre-init reads a program from descriptor 3, executes it, says on descriptor 4 how that went,
 * and stays as the parent of the process that it started. It decides nothing: what an operation
 * means stands in core/program/operation.ts, its bytes in core/program/wire.ts.
 *
 * Every function that runs an operation returns 0, or -1 with errno and a detail (`because`), or
 * NOTHING_MADE where it succeeded without an effect that must be undone.
 */
#ifndef NACRE_H
#define NACRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel.h"

enum { MESSAGE = 3, REPORT = 4, NOTHING_MADE = 1, MOST_ARGUMENTS = 9, DETAIL_SIZE = 512 };
enum section { HOST = 1, PARENT = 2, CHILD = 4 };

struct cursor { const uint8_t *at, *end; };
struct argument { const char *data; uint32_t size; };
struct operation {
  int code;
  struct argument argument[MOST_ARGUMENTS];
  struct cursor inverse; /* its bytes; empty where nothing undoes this operation */
};

enum { STDIN_MODE, OUTPUT_MODE, TERMINAL_MODE, LOG_PATH, EXIT_PATH, COLLECT, ON_EXIT, DETACHED };
enum { INHERIT, STDIN_NULL, STDIN_HOLD, OUTPUT_LOG = 1, OUTPUT_BOTH, ATTACHED = 1, TO_LOG };
enum { CLONE_CREATE, JOIN_PID, JOIN_START, JOIN_FLAGS, CLONE_CGROUPS };
struct program {
  bool has_process;
  struct argument supervision[8], clone[5];
  struct cursor host, parent, child, join_paths;
};

/* What this process is doing; the child has its own copy. */
struct self {
  enum section section;
  int root;        /* the opened root, or -1 */
  int sync;        /* the socket between supervisor and child */
  pid_t child;     /* as the supervisor sees it */
  int pidfd;
  int terminal;    /* the pty's master, or -1 */
  mode_t umask;    /* what `execute` sets */
  bool own_terminal; /* the standard streams are a pty of the container */
  dev_t device;    /* of nacre-init's own file */
  ino_t inode;
};
extern struct self self;
extern char detail[DETAIL_SIZE];

/* program.c */
bool read_program(struct cursor message, struct program *program);
bool take_operation(struct cursor *from, struct operation *to);
bool take_number(struct cursor *from, uint32_t *to);
bool take_argument(struct cursor *from, char kind, struct argument *to);
const char *next_string(const struct argument *list, const char *previous);
char **string_list(const struct argument *list);
static inline const char *text(const struct operation *o, int i) { return o->argument[i].data; }
int64_t word(const struct argument *a, size_t i);
static inline int64_t number(const struct operation *o, int i) { return word(&o->argument[i], 0); }

/* main.c */
void report(const char *format, ...) __attribute__((format(printf, 1, 2)));
int because(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* run.c */
bool allowed(int code, enum section section);
int run_section(struct cursor section, enum section name);
void undo_all(const char *exit_path);
int remove_directory(const struct operation *o);

/* mounts.c */
bool is_mount_root(int at, const char *path);
int new_mount(const struct operation *o);
int set_attributes(int at, const char *path, unsigned flags, uint64_t set, uint64_t propagation);
int mount_at(const struct operation *o);
int unmount(const struct operation *o);
int share_mount(const struct operation *o);
int release_mount(const struct operation *o);
int set_propagation(const struct operation *o);
int set_mount_attributes(const struct operation *o);

/* root.c */
int in_root(const char *path, uint64_t flags);
int make_in_root(const char *path, mode_t kind, int budget);
int parent_in_root(const char *path, const char **name);
int open_current_root(void);
int attach(int mount, int target, const char *name);
int open_root(const struct operation *o);
int mount_in_root(const struct operation *o);
int bind_in_root(const struct operation *o);
int mask_in_root(const struct operation *o);
int read_only_in_root(const struct operation *o);
int enter_root(const struct operation *o);
int change_directory(const struct operation *o);
int set_sysctl(const struct operation *o);

/* place.c */
int write_fully(int fd, const char *data, size_t size);
int place_directory(const struct operation *o);
int place_file(const struct operation *o);
int place_text(const struct operation *o);
int place_symlink(const struct operation *o);
int place_hard_link(const struct operation *o);
int place_node(const struct operation *o);
int place_attribute(const struct operation *o);
int place_times(const struct operation *o);
int remove_tree(const struct operation *o);

/* process.c */
int open_namespaces(const struct program *program);
int start_child(const struct program *program, const int streams[3]);
int await_execution(int signals);
void tell_parent(int index, int error, int descriptor);
uint64_t start_time(pid_t pid);
int open_terminal(const struct operation *o);
int bound_capabilities(const struct operation *o);
int set_user(const struct operation *o);
int set_capabilities(const struct operation *o);
int execute(const struct operation *o);

/* supervise.c and log.c */
int supervise(const struct program *program, struct cursor message);
struct stream;
void log_lines(struct stream *stream, bool all);
void log_flush(void);

#endif
