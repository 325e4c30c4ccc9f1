// Random system calls of processes: who they are, what they execute, signals, pidfds, fifos.

import fc from "fast-check";
import { type Choice, either, id, kinds, mode, of, words } from "./random-calls.ts";
import type { Word } from "./steps.ts";

export const USERS: Choice[] = [
  [2, words("setuid", id)],
  [1, words("setgid", id)],
  [1, words("setreuid", id, id)],
  [1, words("setregid", id, id)],
  [3, words("setresuid", id, id, id)],
  [2, words("setresgid", id, id, id)],
  [2, words("setfsuid", id)],
  [1, words("setfsgid", id)],
  [2, words("setgroups", id, id)],
  [2, words("ids")],
  [1, words("keepcaps", of(0, 1, 2))],
];

const setIds = of(0o4755, 0o4755, 0o2755, 0o6755, 0o4711, 0o755, 0o6644, 0o700);
/** A program that says who it has become, and all that decides it. */
export const EXECUTIONS: Choice[] = [
  [10, words("exec", of("/p", "/p", "/p", "/b/p", "/a/c", "/a", "/none"))],
  [4, words("chmod", of("/p"), setIds)],
  [3, words("chown", of("/p"), id, id)],
  [1, words("link", of("/p"), of("/b/p"))],
  [1, words("mount", of("/p"), of("/a/c"), of(""), of("MS_BIND"), of(""))],
  [
    2,
    words(
      "mount",
      of(""),
      of("/", "/a/c"),
      of(""),
      of("MS_REMOUNT|MS_BIND|MS_NOSUID", "MS_REMOUNT|MS_BIND", "MS_REMOUNT|MS_BIND|MS_NOEXEC"),
      of(""),
    ),
  ],
];

const masks = of(
  "0",
  "2199023255551",
  "2182243123199",
  "2",
  "6",
  "194",
  "256",
  "2097152",
  "2097344",
);
export const CAPABILITIES: Choice[] = [
  [3, words("capset", masks, masks, masks)],
  [2, words("bound", of(0, 1, 7, 21, 24, 40, 41))],
  [2, words("ambient", of(0, 1, 7, 21, 24, 41))],
  [1, words("nonewprivs")],
  [2, words("getrlimit", of(1, 4, 7, 99, -1))],
  [
    3,
    words(
      "setrlimit",
      of(1, 4, 7, 99),
      of("0", "3", "64", "100000", "18446744073709551615"),
      of("64", "1000", "100000", "1048577", "18446744073709551615"),
    ),
  ],
];

export const clone: Choice = [
  6,
  words("clone", fc.oneof({ weight: 3, arbitrary: of<Word>(0) }, kinds)),
];
export const plainClone: Choice = [4, words("clone", of(0))];
const pid = of(0, 1, 2, 2, 3, 3, 4, 5, -1, -2, -3, 99);
const signal = of(0, 1, 2, 9, 15, 10, 18, 18, 19, 20, 17, 23, 64, 65);
export const PROCESSES: Choice[] = [
  [8, words("kill", pid, signal)],
  [
    6,
    words(
      "wait",
      of(-1, -1, 0, 2, 3, -2, 99),
      either(0, "WUNTRACED", "WCONTINUED", "WUNTRACED|WCONTINUED"),
    ),
  ],
  [3, words("sigaction", of(1, 2, 10, 15, 18, 20, 9), of("ignore", "count", "default"))],
  [1, words("sigaction", of(17), of("ignore", "default"))],
  [3, words("sigmask", of("block", "unblock"), of(1, 2, 10, 15, 18, 20, 19, 9))],
  [2, words("handled", of(1, 2, 10, 15, 18, 20))],
  [2, words("exit", of(0, 1, 3, 255, 256))],
  [2, words("getpid")],
  [2, words("getppid")],
  [2, words("getsid", pid)],
  [2, words("getpgid", pid)],
  [4, words("setpgid", of(0, 2, 3, 4, 99), of(0, 1, 2, 3, 99, -1))],
  [2, words("setsid")],
  [2, words("get", of("/proc/2/status", "/proc/3/status", "/proc/self/status"))],
];

/** Of those that programs begin with. */
const openFd = of(3, 3, 3, 4, 4, 4, 5, 6, 99, -1);
/** Descriptors of processes. */
export const PIDFDS: Choice[] = [
  [5, words("pidfd_open", pid, either(0, 0, 0, 0, 0, "PIDFD_NONBLOCK", 1))],
  [8, words("pidfd_signal", openFd, signal, either(0, 0, 0, 0, "PIDFD_SIGNAL_PROCESS_GROUP", 8))],
  [
    6,
    words(
      "waitfd",
      openFd,
      either("WEXITED", "WEXITED", "WUNTRACED", "WEXITED|WCONTINUED", "WEXITED", 0),
    ),
  ],
  [6, words("poll", openFd, either("POLLIN", "POLLIN|POLLOUT"))],
  [2, words("close", openFd)],
  [1, words("dup", openFd)],
  [1, words("read", openFd, of(0, 1))],
  [1, words("write", openFd, of("x"))],
  [1, words("lseek", openFd, of(0), of(0, 2))],
  [1, words("ftruncate", openFd, of(0, 5, -1))],
  [1, words("fchdir", openFd)],
  [1, words("getfl", openFd)],
  [1, words("open", of("/a", "/a/c"), of("O_RDONLY", "O_PATH"), of(0))],
];

const fifo = of("/a/f", "/a/f", "/a/f", "/a/c", "/b/g");
const pipeful = of("", "x", "some text", "y".repeat(4096), "z".repeat(5000), "w".repeat(30000));
export const FIFOS: Choice[] = [
  [2, words("mknod", of("/a/f", "/b/g"), of("S_IFIFO"), of(0))],
  [
    12,
    words(
      "open",
      fifo,
      of("O_RDONLY", "O_RDONLY", "O_WRONLY", "O_WRONLY|O_APPEND", "O_RDWR", "O_WRONLY|O_CREAT"),
      mode,
    ),
  ],
  [1, words("open", fifo, of("O_RDONLY|O_TRUNC", "O_PATH", "O_RDONLY|O_DIRECTORY"), mode)],
  [8, words("read", openFd, of(0, 1, 5, 4096, 5000, 32767))],
  [10, words("write", openFd, pipeful)],
  [4, words("close", openFd)],
  [2, words("dup", openFd)],
  [1, words("dup2", openFd, of(3, 4, 9))],
  [6, words("poll", openFd, either("POLLIN", "POLLOUT", "POLLIN|POLLOUT"))],
  [2, words("put", fifo, pipeful)],
  [2, words("get", fifo)],
  [1, words("lseek", openFd, of(0, 10), of(0, 1, 2))],
  [1, words("ftruncate", openFd, of(0))],
  [1, words("truncate", fifo, of(0))],
  [1, words("getfl", openFd)],
  [1, words("fstat", openFd)],
  [1, words("lstat", fifo)],
  [1, words("utime", fifo, of(5, 1000))],
  [1, words("unlink", fifo)],
  [1, words("link", fifo, of("/b/g"))],
  [1, words("rename", fifo, of("/b/g", "/a/f"))],
  [1, words("chmod", fifo, mode)],
  [1, words("setuid", of(1000))],
  [1, words("sigaction", of(13), of("ignore", "count", "default"))],
  [1, words("handled", of(13))],
  [1, words("wait", of(-1), of(0))],
  [1, words("exit", of(0))],
];
