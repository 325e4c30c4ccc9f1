// What processes are to one another and to files, as the manual pages have it: both kernels give it.

import { describe } from "vitest";
import { type Case, holdsOnBoth } from "./cases.ts";
import { step } from "./steps.ts";

const ROOT = "= uid 0 0 0 0 gid 0 0 0 0 prm ALL eff ALL inh 0 amb 0 nnp 0";

const IDENTITIES: Readonly<Record<string, Case>> = {
  "keeps the saved user to come back to": {
    steps: [
      step(0, "setresuid", 1000, 1000, 0),
      step(0, "ids"),
      step(0, "setuid", 7),
      step(0, "setuid", 0),
      step(0, "ids"),
      step(0, "setresuid", 1000, 1000, 1000),
      step(0, "setuid", 0),
    ],
    gives: ["= 1000 1000 0 1000:0 0 0 0", "EPERM", "= 0", "= 1000 0 0 0:0 0 0 0", "= 0", "EPERM"],
  },
  "takes the capabilities on files of who is somebody else for files": {
    steps: [
      step(0, "mkdir", "/a", 0o700),
      step(0, "setfsuid", 1000),
      step(0, "list", "/a"),
      step(0, "setfsuid", 0),
      step(0, "list", "/a"),
    ],
    gives: ["= 0", "EACCES", "= 1000", "= . .. "],
  },
  "asks by access(2) for the real user": {
    steps: [
      step(0, "mkdir", "/a", 0o700),
      step(0, "setresuid", 1000, 0, 0),
      step(0, "access", "/a", 4, 0),
      step(0, "access", "/a", 4, "AT_EACCESS"),
    ],
    gives: ["EACCES", "= 0"],
  },
  "may signal whose real or saved user it is": {
    steps: [
      step(0, "clone", 1, 0),
      step(0, "clone", 2, 0),
      step(1, "setresuid", 1000, 7, 7),
      step(2, "setresuid", 9, 1000, 9),
      step(2, "kill", 2, 0),
      step(1, "kill", 3, 0),
    ],
    gives: ["= 0", "EPERM"],
  },
};

const EXECUTIONS: Readonly<Record<string, Case>> = {
  "makes who executes a set-user-ID file its owner": {
    probe: true,
    steps: [
      step(0, "chown", "/p", 7, 9),
      step(0, "chmod", "/p", 0o6755),
      step(0, "setresuid", 1000, 1000, 1000),
      step(0, "exec", "/p"),
    ],
    gives: ["= uid 1000 7 7 7 gid 0 9 9 9 prm 0 eff 0 inh 0 amb 0 nnp 0"],
  },
  "gives root to who executes root's": {
    probe: true,
    steps: [
      step(0, "chmod", "/p", 0o4755),
      step(0, "setresuid", 1000, 1000, 1000),
      step(0, "exec", "/p"),
    ],
    gives: ["= uid 1000 0 0 0 gid 0 0 0 0 prm ALL eff ALL inh 0 amb 0 nnp 0"],
  },
  "gives nothing with no_new_privs": {
    probe: true,
    steps: [
      step(0, "chmod", "/p", 0o4755),
      step(0, "setresuid", 1000, 1000, 1000),
      step(0, "nonewprivs"),
      step(0, "exec", "/p"),
    ],
    gives: ["= uid 1000 1000 1000 1000 gid 0 0 0 0 prm 0 eff 0 inh 0 amb 0 nnp 1"],
  },
  "gives nothing on a nosuid mount": {
    probe: true,
    steps: [
      step(0, "chmod", "/p", 0o4755),
      step(0, "mount", "", "/", "", "MS_REMOUNT|MS_BIND|MS_NOSUID", ""),
      step(0, "exec", "/p"),
      step(0, "setresuid", 1000, 1000, 1000),
      step(0, "exec", "/p"),
    ],
    gives: [ROOT, "= 0", "= uid 1000 1000 1000 1000 gid 0 0 0 0 prm 0 eff 0 inh 0 amb 0 nnp 0"],
  },
  "gives nothing of a user that the namespace does not know": {
    probe: true,
    steps: [
      step(0, "chown", "/p", 7, 7),
      step(0, "chmod", "/p", 0o4755),
      step(0, "clone", 1, "CLONE_NEWUSER"),
      step(0, "put", "/proc/2/uid_map", "0 0 1"),
      step(1, "exec", "/p"),
    ],
    gives: [
      "= uid 0 0 0 0 gid 65534 65534 65534 65534 prm 1ffffffffff eff 1ffffffffff inh 0 amb 0 nnp 0",
    ],
  },
};

const PIDFDS: Readonly<Record<string, Case>> = {
  "tells by poll, and by what it says, how far a process has gone": {
    steps: [
      step(0, "clone", 1, 0),
      step(0, "pidfd_open", 2, 0),
      step(0, "poll", 3, "POLLIN"),
      step(1, "exit", 3),
      step(0, "poll", 3, "POLLIN"),
      step(0, "pidfd_signal", 3, 9, 0),
      step(0, "waitfd", 3, "WEXITED"),
      step(0, "poll", 3, "POLLIN"),
      step(0, "pidfd_signal", 3, 9, 0),
      step(0, "waitfd", 3, "WEXITED"),
      step(0, "pidfd_open", 2, 0),
    ],
    gives: ["= 0", "ended", "= 1", "= 0", "= 2 exited 3", "= 17", "ESRCH", "ECHILD", "ESRCH"],
  },
  "sends signals by it, also to the group of the process": {
    steps: [
      step(0, "clone", 1, 0),
      step(1, "setpgid", 0, 0),
      step(1, "clone", 2, 0),
      step(0, "pidfd_open", 2, 0),
      step(0, "pidfd_signal", 3, 65, 0),
      step(0, "pidfd_signal", 3, 0, 8),
      step(0, "pidfd_signal", 3, 9, "PIDFD_SIGNAL_PROCESS_GROUP"),
      step(1, "getpid"),
      step(2, "getpid"),
    ],
    gives: ["EINVAL", "EINVAL", "= 0", "ended", "ended"],
  },
  "asks waitid for a descriptor that there can be": {
    steps: [step(0, "waitfd", -1, "WEXITED"), step(0, "waitfd", 9, "WEXITED")],
    gives: ["EINVAL", "EBADF"],
  },
};

const fifo = (...rest: readonly ReturnType<typeof step>[]) => [
  step(0, "mknod", "/f", "S_IFIFO", 0),
  step(0, "chmod", "/f", 0o666),
  ...rest,
];

const FIFOS: Readonly<Record<string, Case>> = {
  "opens nothing to write that nobody reads": {
    steps: fifo(step(0, "open", "/f", "O_WRONLY", 0), step(0, "open", "/f", "O_RDWR", 0)),
    gives: ["ENXIO", "= 3"],
  },
  "gives what was written, then the end": {
    steps: fifo(
      step(0, "open", "/f", "O_RDONLY", 0),
      step(0, "read", 3, 10),
      step(0, "open", "/f", "O_WRONLY", 0),
      step(0, "read", 3, 10),
      step(0, "write", 4, "some text"),
      step(0, "read", 3, 4),
      step(0, "close", 4),
      step(0, "read", 3, 10),
      step(0, "read", 3, 10),
      step(0, "poll", 3, "POLLIN"),
    ),
    gives: ["= (end)", "= 4", "EAGAIN", "= 9", "= some", "= 0", "=  text", "= (end)", "= 16"],
  },
  "forgets what nobody has open": {
    steps: fifo(
      step(0, "open", "/f", "O_RDWR", 0),
      step(0, "write", 3, "x"),
      step(0, "close", 3),
      step(0, "get", "/f"),
    ),
    gives: ["= (empty)"],
  },
  "ends who writes to nobody": {
    steps: fifo(
      step(0, "open", "/f", "O_RDONLY", 0),
      step(0, "clone", 1, 0),
      step(1, "open", "/f", "O_WRONLY", 0),
      step(1, "close", 3),
      step(0, "close", 3),
      step(1, "poll", 4, "POLLOUT"),
      step(1, "write", 4, "x"),
      step(0, "wait", -1, 0),
    ),
    gives: ["= 12", "ended", "= 2 killed 13"],
  },
  "takes as much as there are pages for": {
    steps: fifo(
      step(0, "open", "/f", "O_RDWR", 0),
      step(0, "write", 3, "x".repeat(30000)),
      step(0, "write", 3, "x".repeat(30000)),
      step(0, "write", 3, "x".repeat(5000)),
      step(0, "write", 3, "x".repeat(5000)),
    ),
    gives: ["= 30000", "= 30000", "= 4096", "EAGAIN"],
  },
};

describe("who a process is", () => holdsOnBoth(IDENTITIES));
describe("what is executed", () => holdsOnBoth(EXECUTIONS));
describe("a descriptor of a process", () => holdsOnBoth(PIDFDS));
describe("a fifo", () => holdsOnBoth(FIFOS));
