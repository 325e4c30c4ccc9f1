// What random programs once found different, each by its name: both kernels give what stands here.

import { describe } from "vitest";
import { type Case, holdsOnBoth } from "./cases.ts";
import { step } from "./steps.ts";

const LONG = "x".repeat(256);
const DEEP = `${"/a/..".repeat(818)}/abcde`;

const CASES: Readonly<Record<string, Case>> = {
  "opens an absolute name whatever descriptor openat is given": {
    steps: [step(0, "openat", 99, "/none", "O_RDONLY", 0), step(0, "openat", 99, "none", 0, 0)],
    gives: ["ENOENT", "EBADF"],
  },
  "says EMFILE before it looks at the descriptor of openat": {
    steps: [step(0, "setrlimit", 7, "3", "64"), step(0, "openat", -1, "c", "O_PATH", 0)],
    gives: ["= 0", "EMFILE"],
  },
  "runs out of descriptors that a program leaks": {
    steps: [
      step(0, "setrlimit", 7, "5", "64"),
      step(0, "open", "/", "O_RDONLY", 0),
      step(0, "open", "/", "O_RDONLY", 0),
      step(0, "open", "/", "O_RDONLY", 0),
      step(0, "dup", 3),
    ],
    gives: ["= 3", "= 4", "EMFILE", "EMFILE"],
  },
  "truncates no directory": {
    steps: [step(0, "mkdir", "/b", 0o755), step(0, "open", "/b", "O_RDONLY|O_TRUNC", 0)],
    gives: ["EISDIR"],
  },
  "makes nothing in procfs, and says that it is not there": {
    steps: [step(0, "mkdir", "/proc/none", 0o755), step(0, "open", "/proc/none", "O_CREAT", 0o644)],
    gives: ["ENOENT", "ENOENT"],
  },
  "lets nobody change what is in a process's directory": {
    steps: [step(0, "unlink", "/proc/self/fd"), step(0, "chmod", "/proc/self/fd", 0o777)],
    gives: ["EPERM", "EPERM"],
  },
  "checks the name of an attribute before the file's": {
    steps: [step(0, "setxattr", "/none", "", "1", 0), step(0, "getxattr", "/", "bogus.x")],
    gives: ["ERANGE", "EOPNOTSUPP"],
  },
  "asks for a mode of access that there is": {
    steps: [step(0, "access", "/none", 8, 0)],
    gives: ["EINVAL"],
  },
  "links what somebody else owns only for who could write it": {
    steps: [step(0, "mkdir", "/c", 0o1777), step(0, "setuid", 1000), step(0, "link", "/c", "/c/c")],
    gives: ["EPERM"],
  },
  "refuses O_EXCL at a name that is no name": {
    steps: [step(0, "open", "/..", "O_WRONLY|O_CREAT|O_EXCL", 0o644)],
    gives: ["EEXIST"],
  },
  "holds what is made up to no limit of a file's size": {
    steps: [step(0, "setrlimit", 1, "0", "64"), step(0, "put", "/proc/1/gid_map", "0 0 10")],
    gives: ["EPERM"],
  },
  "ends who writes past its limit": {
    steps: [
      step(0, "clone", 1, 0),
      step(1, "open", "/f", "O_WRONLY|O_CREAT", 0o644),
      step(1, "lseek", 3, 100000, 0),
      step(1, "write", 3, "x"),
      step(0, "wait", -1, 0),
    ],
    gives: ["ended", "= 2 killed 25"],
  },
  "shows a mount of procfs as read-only": {
    steps: [
      step(0, "mkdir", "/b", 0o755),
      step(0, "mount", "p", "/b", "proc", "MS_RDONLY", ""),
      step(0, "mount", "", "/b", "", "MS_REMOUNT", ""),
    ],
    gives: ["= 0", "= 0"],
  },
  "mounts nothing from a name that is too long": {
    steps: [step(0, "mount", "/".repeat(4096), "/", "", "MS_BIND", "")],
    gives: ["EINVAL"],
  },
  "moves no mount into itself": {
    steps: [
      step(0, "mkdir", "/a", 0o755),
      step(0, "mount", "t", "/a", "tmpfs", 0, ""),
      step(0, "mkdir", "/a/b", 0o755),
      step(0, "mount", "/a", "/a/b", "", "MS_MOVE", ""),
    ],
    gives: ["ELOOP"],
  },
  "binds no mount namespace into itself": {
    steps: [
      step(0, "open", "/f", "O_WRONLY|O_CREAT", 0o644),
      step(0, "mount", "/proc/self/ns/mnt", "/f", "", "MS_BIND", ""),
    ],
    gives: ["EINVAL"],
  },
  "follows forty links and no more": {
    steps: [
      step(0, "symlink", "/l", "/l"),
      step(0, "stat", "/l"),
      step(0, "open", "/l/x", "O_WRONLY|O_CREAT", 0o644),
    ],
    gives: ["ELOOP", "ELOOP"],
  },
  "refuses names and paths that are too long": {
    steps: [
      step(0, "mkdir", "/a", 0o755),
      step(0, "mkdir", `/${LONG}`, 0o755),
      step(0, "stat", DEEP),
      step(0, "stat", `/proc/${LONG}`),
    ],
    gives: ["ENAMETOOLONG", "ENAMETOOLONG", "ENOENT"],
  },
  "gives an unmapped user of a namespace the overflow number": {
    steps: [step(0, "unshare", "CLONE_NEWUSER"), step(0, "ids"), step(0, "setuid", 0)],
    gives: ["= 65534 65534 65534 65534:65534 65534 65534 65534", "EINVAL"],
  },
  "lets who gave up its rights map itself alone": {
    steps: [
      step(0, "clone", 1, 0),
      step(1, "setgid", 9),
      step(1, "setuid", 7),
      step(1, "unshare", "CLONE_NEWUSER"),
      step(1, "put", "/proc/self/uid_map", "0 7 2"),
      step(1, "put", "/proc/self/uid_map", "0 7 1"),
      step(1, "put", "/proc/self/gid_map", "0 9 1"),
      step(1, "put", "/proc/self/setgroups", "deny"),
      step(1, "put", "/proc/self/gid_map", "0 9 1"),
      step(1, "ids"),
      step(1, "setgroups", 0),
    ],
    gives: ["EPERM", "= 5", "EPERM", "= 4", "= 5", "= 0 0 0 0:0 0 0 0", "EPERM"],
  },
  "opens setgroups for the root of the namespace only": {
    steps: [
      step(0, "clone", 1, 0),
      step(1, "setuid", 1000),
      step(1, "put", "/proc/2/setgroups", "x"),
    ],
    gives: ["EACCES"],
  },
  "unshares a pid namespace once": {
    steps: [step(0, "unshare", "CLONE_NEWPID"), step(0, "unshare", "CLONE_NEWPID")],
    gives: ["= 0", "EINVAL"],
  },
  "makes no child where the init of the namespace has ended": {
    steps: [
      step(0, "unshare", "CLONE_NEWPID"),
      step(0, "clone", 1, 0),
      step(1, "getpid"),
      step(1, "exit", 0),
      step(0, "clone", 2, 0),
    ],
    gives: ["= 1", "ended", "ENOMEM"],
  },
  "spares an init what its own namespace sends": {
    steps: [step(0, "clone", 1, 0), step(1, "kill", 1, 9), step(0, "getpid")],
    gives: ["= 0", "= 1"],
  },
  "asks whether a signal is one only where somebody would get it": {
    steps: [step(0, "kill", -3, 65), step(0, "kill", 1, 65)],
    gives: ["ESRCH", "EINVAL"],
  },
  "signals a group that its own namespace has no number for": {
    steps: [step(0, "clone", 1, "CLONE_NEWPID"), step(1, "getpgid", 0), step(1, "kill", 0, 23)],
    gives: ["= 0", "= 0"],
  },
  "lets an init that ends hear nothing of what it kills": {
    steps: [
      step(0, "clone", 1, "CLONE_NEWPID"),
      step(1, "exit", 0),
      step(0, "get", "/proc/2/status"),
    ],
    gives: [
      "= CapAmb 0000000000000000; CapBnd ALL; CapEff ALL; CapInh 0000000000000000; CapPrm ALL; Gid 0\t0\t0\t0; Groups ; NSpid 2\t1; NoNewPrivs 0; PPid 1; Pid 2; SigBlk 0000000000000000; SigCgt 0000000000000000; SigIgn 0000000000010000; State Z; Uid 0\t0\t0\t0",
    ],
  },
  "copies a file up even for an attribute that it cannot have": {
    steps: [
      ...["/low", "/upper", "/work", "/m"].map((path) => step(0, "mkdir", path, 0o755)),
      step(0, "open", "/low/c", "O_WRONLY|O_CREAT", 0o644),
      step(0, "link", "/low/c", "/low/l"),
      step(0, "mount", "o", "/m", "overlay", 0, "lowerdir=/low,upperdir=/upper,workdir=/work"),
      step(0, "setxattr", "/m/c", "bogus.x", "1", 0),
      step(0, "lstat", "/m/c"),
    ],
    gives: ["EOPNOTSUPP", "= 100644 0:0 links 1 size 0"],
  },
  "copies a file up for a change that is refused, and for none at all": {
    steps: [
      ...["/low", "/upper", "/work", "/m"].map((path) => step(0, "mkdir", path, 0o755)),
      step(0, "open", "/low/c", "O_WRONLY|O_CREAT", 0o644),
      step(0, "link", "/low/c", "/low/l"),
      step(0, "open", "/low/d", "O_WRONLY|O_CREAT", 0o644),
      step(0, "link", "/low/d", "/low/m"),
      step(0, "mount", "o", "/m", "overlay", 0, "lowerdir=/low,upperdir=/upper,workdir=/work"),
      step(0, "setxattr", "/m/c", "trusted.x", "1", "XATTR_REPLACE"),
      step(0, "lstat", "/m/c"),
      step(0, "chown", "/m/d", -1, -1),
      step(0, "lstat", "/m/d"),
    ],
    gives: ["ENODATA", "= 100644 0:0 links 1 size 0", "= 0", "= 100644 0:0 links 1 size 0"],
  },
  "copies nothing up for a size that is refused": {
    steps: [
      ...["/low", "/upper", "/work", "/m"].map((path) => step(0, "mkdir", path, 0o755)),
      step(0, "open", "/low/c", "O_WRONLY|O_CREAT", 0o644),
      step(0, "link", "/low/c", "/low/l"),
      step(0, "mount", "o", "/m", "overlay", 0, "lowerdir=/low,upperdir=/upper,workdir=/work"),
      step(0, "truncate", "/m/c", 100001),
      step(0, "lstat", "/m/c"),
    ],
    gives: ["EFBIG", "= 100644 0:0 links 2 size 0"],
  },
  "says of a mount that what it shows was removed": {
    steps: [
      step(0, "mkdir", "/a", 0o755),
      step(0, "mkdir", "/b", 0o755),
      step(0, "mount", "/b", "/a", "", "MS_BIND", ""),
      step(0, "rmdir", "/b"),
      step(0, "get", "/proc/self/mountinfo"),
    ],
    gives: [
      "mount 1 on mount 2 on device 1 / / rw,relatime tmpfs rw\nmount 3 on mount 1 on device 2 / /proc rw,relatime proc rw\nmount 4 on mount 1 on device 1 /b//deleted /a rw,relatime tmpfs rw",
    ],
  },
  "lets anybody change an owner to nobody else": {
    steps: [step(0, "mkdir", "/a", 0o755), step(0, "setuid", 9), step(0, "chown", "/a", -1, -1)],
    gives: ["= 0"],
  },
  "has no end of a directory to seek from": {
    steps: [step(0, "open", "/", "O_RDONLY", 0), step(0, "lseek", 3, 0, 2)],
    gives: ["EINVAL"],
  },
  "joins one namespace by one file": {
    steps: [
      step(0, "open", "/proc/self/ns/ipc", "O_RDONLY", 0),
      step(0, "setns", 3, "CLONE_NEWPID|CLONE_NEWIPC"),
    ],
    gives: ["EINVAL"],
  },
  "gives a file of procfs away, for as long as anybody looks": {
    steps: [step(0, "chown", "/proc/self/fd", 1000, 7), step(0, "stat", "/proc/self/fd")],
    gives: ["= 0", "= 40500 0:0"],
  },
  "has no driver for what marks a name as removed": {
    steps: [
      step(0, "mknod", "/a", "S_IFCHR", 0),
      step(0, "open", "/a", "O_PATH", 0),
      step(0, "open", "/a", "O_RDONLY", 0),
      step(0, "open", "/a", "O_WRONLY|O_CREAT", 0o644),
    ],
    gives: ["= 0", "= 3", "ENXIO", "ENXIO"],
  },
  "keeps how access times are counted in a remount that does not say": {
    steps: [
      step(0, "mkdir", "/a", 0o755),
      step(0, "mount", "t", "/a", "tmpfs", "MS_NOATIME|MS_NOEXEC", ""),
      step(0, "mount", "", "/a", "", "MS_REMOUNT", ""),
      step(0, "get", "/proc/self/mountinfo"),
      step(0, "mount", "", "/a", "", "MS_REMOUNT|MS_BIND|MS_NOSUID", ""),
      step(0, "get", "/proc/self/mountinfo"),
    ],
    gives: [
      "mount 1 on mount 2 on device 1 / / rw,relatime tmpfs rw\nmount 3 on mount 1 on device 2 / /proc rw,relatime proc rw\nmount 4 on mount 1 on device 3 / /a rw,noatime tmpfs rw",
      "= 0",
      "mount 1 on mount 2 on device 1 / / rw,relatime tmpfs rw\nmount 3 on mount 1 on device 2 / /proc rw,relatime proc rw\nmount 4 on mount 1 on device 3 / /a rw,nosuid,noatime tmpfs rw",
    ],
  },
  "lets the root of a user namespace remount without a word of access times": {
    steps: [
      step(0, "mkdir", "/a", 0o755),
      step(0, "mount", "t", "/a", "tmpfs", "MS_NOATIME", ""),
      step(0, "clone", 1, "CLONE_NEWUSER|CLONE_NEWNS"),
      step(1, "mount", "", "/a", "", "MS_REMOUNT|MS_BIND", ""),
      step(1, "get", "/proc/self/mountinfo"),
    ],
    gives: [
      "= 0",
      "mount 1 on mount 2 on device 1 / / rw,relatime tmpfs rw\nmount 3 on mount 1 on device 2 / /proc rw,relatime proc rw\nmount 4 on mount 1 on device 3 / /a rw,noatime tmpfs rw",
    ],
  },
  "finds no name below a removed directory, however long": {
    steps: [
      step(0, "mkdir", "/a", 0o755),
      step(0, "chdir", "/a"),
      step(0, "rmdir", "/a"),
      step(0, "stat", LONG),
      step(0, "mkdir", LONG, 0o755),
      step(0, "open", LONG, "O_WRONLY|O_CREAT", 0o644),
    ],
    gives: ["ENOENT", "ENOENT", "ENOENT"],
  },
  "opens for its maker a file that its mode keeps everybody from": {
    steps: [
      step(0, "mkdir", "/c", 0o777),
      step(0, "chmod", "/c", 0o777),
      step(0, "setuid", 1000),
      step(0, "open", "/c/f", "O_WRONLY|O_CREAT", 0o070),
      step(0, "open", "/c/f", "O_WRONLY|O_CREAT", 0o070),
    ],
    gives: ["= 3", "EACCES"],
  },
  "reads zeros where a file was only made longer": {
    steps: [
      step(0, "open", "/f", "O_RDWR|O_CREAT", 0o644),
      step(0, "ftruncate", 3, 5000),
      step(0, "read", 3, 1),
      step(0, "read", 3, 10000),
    ],
    gives: ["= 1", "= 4999"],
  },
  "lists nothing in a removed directory, not even itself": {
    steps: [
      step(0, "mkdir", "/a", 0o755),
      step(0, "chdir", "/a"),
      step(0, "rmdir", "/a"),
      step(0, "list", "."),
    ],
    gives: ["= 0", "= 0", "= 0"],
  },
  "mounts nothing in a tree that was taken away": {
    steps: [
      step(0, "mkdir", "/b", 0o755),
      step(0, "umount", "/", "MNT_DETACH"),
      step(0, "mount", "t", "/b", "tmpfs", 0, ""),
      step(0, "mount", "/b", "/b", "", "MS_BIND", ""),
      step(0, "mount", "/b", "/b", "", "MS_MOVE", ""),
    ],
    gives: ["= 0", "ENOENT", "ENOENT", "EINVAL"],
  },
  "counts a zombie among the processes of its cgroup": {
    cgroups: true,
    steps: [
      step(0, "mkdir", "/cg/pids/x", 0o755),
      step(0, "put", "/cg/pids/x/cgroup.procs", "0"),
      step(0, "clone", 1, 0),
      step(0, "get", "/cg/pids/x/pids.current"),
      step(1, "exit", 0),
      step(0, "get", "/cg/pids/x/pids.current"),
      step(0, "wait", -1, 0),
      step(0, "get", "/cg/pids/x/pids.current"),
    ],
    gives: ["= 2\n", "ended", "= 2\n", "= 2 exited 0", "= 1\n"],
  },
  "leads nowhere from a process that has ended": {
    steps: [
      step(0, "clone", 1, 0),
      step(1, "exit", 0),
      step(0, "list", "/proc/2/root/"),
      step(0, "readlink", "/proc/2/cwd"),
      step(0, "open", "/proc/2/root", "O_PATH", 0),
    ],
    gives: ["ENOENT", "ENOENT", "ENOENT"],
  },
  "moves a zombie into a cgroup without a word, and shows it at the top": {
    cgroups: true,
    steps: [
      step(0, "mkdir", "/cg/pids/x", 0o755),
      step(0, "clone", 1, 0),
      step(1, "exit", 0),
      step(0, "put", "/cg/pids/x/cgroup.procs", "2"),
      step(0, "get", "/proc/2/cgroup"),
    ],
    gives: ["= 1", "cpu:/ pids:/"],
  },
};

describe("what once differed is the same on both kernels", () => holdsOnBoth(CASES));
