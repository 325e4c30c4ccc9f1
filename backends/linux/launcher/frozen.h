/*
 * The file of a frozen process, as backends/linux/frozen/image.ts writes it: a head with tables and
 * texts, then pages. All numbers have eight bytes; places of tables and texts count from its beginning.
 */
#ifndef NACRE_FROZEN_H
#define NACRE_FROZEN_H

#define FROZEN "frozen 1"

/* Where nacre-start, the head and what it was called with lie. A frozen process has nothing below END. */
enum { HEAD = 0x240000, CALLED = 0x2c0000, END = 0x400000 };

struct table {
  long at, count;
};

/* Which it must still be. A change of the inode (ctime) tells what a change of the bytes may hide. */
struct file {
  long path, device, inode, size, changed, changed_ns;
};

enum { ANONYMOUS = -1, IMAGE = 0 }; /* what is mapped; from 1 on: a file of the table */
struct map {
  long address, length, protection, what, offset;
};

enum { PIPE, EVENTS, EPOLL, WATCH };
struct descriptor {
  long kind, number, flags, other; /* other: a pipe's end to write to, what an epoll watches */
  long amount;                     /* bytes in a pipe, the events that are watched for */
};

struct frozen {
  char magic[8];
  char boot[40]; /* boot_id of the kernel that it was frozen under */
  long size;     /* of all of it */
  long device, inode; /* where it was written: a copy belongs to another installation */
  long seeded; /* the pid of who drew what OpenSSL has of chance */
  long node;  /* which Node */
  long plain; /* texts, an empty one last: with variables that begin so Node starts as it always does */
  struct table files, maps, kernels, descriptors;
  long vdso;
  long registers[8], thread; /* as freeze.c of the addon has kept them */
};

/* What a thawed process finds of its start. */
struct called {
  long count;
  char **arguments, **environment;
};

#endif
