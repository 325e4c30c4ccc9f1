/*
 * nacre-init reads a program from descriptor 3, executes it, says on descriptor 4 how that went,
 * and stays as the parent of the process that it started. It decides nothing: what an operation
 * means stands in core/program/operation.ts, its bytes in core/program/wire.ts.
 *
 * What runs an operation returns 0, or -1 with errno and a detail (`because`), or NOTHING_MADE
 * where it succeeded without an effect that must be undone.
 */
#ifndef NACRE_H
#define NACRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel.h"

enum { MESSAGE = 3, REPORT = 4, FIRST_GIVEN = 5, ABOUT_TO_EXECUTE = -1, NOTHING_MADE = 1, DETAIL_SIZE = 512, HEADER = 12 };
enum section { HOST = 1, PARENT = 2, CHILD = 4 };
enum { STDIN_MODE, OUTPUT_MODE, TERMINAL_MODE, LOG_PATH, EXIT_PATH, COLLECT, ON_EXIT, DETACHED,
       LOG_BYTES, LOG_FILES, ATTACH_PATH, START_PATH, CONSOLE_PATH, LEAVES, DESCRIPTORS,
       JOURNAL_FIELDS, LEAVE_KEYS };
enum { INHERIT, STDIN_NULL, STDIN_HOLD, OUTPUT_LOG = 1, OUTPUT_BOTH, ATTACHED = 1, TO_LOG, TO_SOCKET };
enum { CREATE, JOIN_PID, JOIN_START, JOIN_FLAGS, CGROUPS };

struct cursor { const uint8_t *at, *end; };
struct argument { const char *data; uint32_t size; };
struct operation {
  int code;
  struct argument argument[9];
  bool outside;          /* by a process with the machine's powers, for a child without them */
  struct cursor inverse; /* its bytes; empty where nothing undoes this operation */
};
struct program {
  bool has_process;
  struct argument supervision[17], clone[5];
  struct cursor host, parent, child, join_paths;
};

/* What this process is about; the child has its own copy. */
extern struct self {
  enum section section;
  int root;     /* the opened root */
  int sync;     /* the socket between supervisor and child */
  pid_t child;  /* as the supervisor sees it */
  int pidfd;    /* of the child */
  int terminal; /* the supervisor's: a pty's master; the child's: 1 if its streams are a pty */
  mode_t umask; /* what `execute` sets */
  int proc;     /* the child's own directory of the /proc that it was born with */
  int start;    /* where a start is awaited; -1: it begins at once */
  int listener; /* the connection to who decides on what a filter leaves open */
  int given;    /* how many descriptors from FIRST_GIVEN on are the process's */
  int code;     /* of the operation that runs */
} self;
extern char detail[DETAIL_SIZE];

/* main.c */
int report(const char *format, ...) __attribute__((format(printf, 1, 2)));
int because(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool is_own_binary(const char *path);

/* program.c */
bool read_program(struct cursor body, struct program *program);
bool take_operation(struct cursor *from, struct operation *to);
bool has_operation(struct cursor section, int code);
bool take_number(struct cursor *from, uint32_t *to);
bool take_arguments(struct cursor *from, const char *kinds, struct argument *to);
const char *next_string(const struct argument *list, const char *previous);
char **string_list(const struct argument *list);
int64_t word(const struct argument *a, size_t i);
static inline const char *text(const struct operation *o, int i) { return o->argument[i].data; }
static inline size_t length(const struct operation *o, int i) { return o->argument[i].size - 1; }
static inline int64_t number(const struct operation *o, int i) { return word(&o->argument[i], 0); }

/* run.c */
bool allowed(int code, enum section section);
bool allowed_outside(int code);
int run_operation(const struct operation *o);
int run_section(struct cursor section, enum section name);
void undo_all(const char *exit_path);
int run_for_child(struct cursor section, int32_t *index);
int checked(long result, const char *what);
int write_fully(int fd, const char *data, size_t size);
size_t read_to_end(int fd, char *to, size_t most);

/* mounts.c */
bool is_mount_root(int at, const char *path);
int empty_mount(const char *type, unsigned attributes);
int set_attributes(int at, const char *path, unsigned flags, uint64_t set, uint64_t propagation);
int change_mount(const struct operation *o);
int mount_at(const struct operation *o);
int bind_at(const struct operation *o);
int remount(const struct operation *o);
int mount_in_root(const struct operation *o);
int share_mount(const struct operation *o);
int release_mount(const struct operation *o);
void forget_shares(void);

/* init.c */
int stay_as_init(void);
int be_init(pid_t child);

/* outside.c */
int act_as_owner(const struct operation *o);
int run_row_outside(struct cursor section, int32_t *index);

/* idmap.c */
int show_owners(int tree, unsigned recursive, const char *uids, const char *gids);

/* devices.c */
int attach_device_filter(const struct operation *o);

/* loop.c */
enum { LOOP_NAME = 32 };
int attach_loop(const char *path, char name[LOOP_NAME]);

/* root.c */
int in_root(const char *path, uint64_t flags);
int make_in_root(const char *path, mode_t kind, int budget);
int parent_in_root(const char *path, char name[256]);
int run_in_root(const struct operation *o);

/* socket.c */
int listen_at(const char *path, int most);
int hand_terminal_to(const char *path);

/* execute.c */
int find_program(const struct operation *o);
int execute(const struct operation *o);

/* seccomp.c */
int connect_listener(const struct operation *o);
void forget_listener(void);
int filter_system_calls(const struct operation *o);
int install_filter(void);

/* hook.c */
int run_hook(const struct operation *o, pid_t pid);

/* copy.c */
int copy_tree(int from, int to);

/* attributes of the process itself: become.c */
int change_itself(const struct operation *o);

/* place.c, process.c, supervise.c */
ssize_t send_descriptor(int to, void *data, size_t size, int descriptor);
int place(const struct operation *o);
int open_namespaces(const struct program *program);
int start_child(const struct program *program, const int streams[3]);
int await_execution(const struct program *program, int signals);
int await_start(void);
int ask_parent(int *index);
uint64_t start_time(pid_t pid);
void tell_parent(int index, int error, int descriptor);
int open_terminal(const struct operation *o);
int bound_capabilities(const struct operation *o);
int set_user(const struct operation *o);
int set_capabilities(const struct operation *o);
int supervise(const struct program *program, struct cursor message);

#endif
