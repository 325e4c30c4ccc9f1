// Random system calls, by what they are about. Few names and small numbers, so that they collide.

import fc from "fast-check";
import type { Word } from "./steps.ts";

export type Draft = readonly [call: string, ...words: Word[]];
export type Choice = readonly [weight: number, draft: fc.Arbitrary<Draft>];

export const of = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
export const either = (...values: Word[]): fc.Arbitrary<Word> => fc.constantFrom(...values);
export const words = (call: string, ...parts: fc.Arbitrary<Word>[]): fc.Arbitrary<Draft> =>
  fc.tuple(...parts).map((values) => [call, ...values] as Draft);
export const one = (...choices: Choice[]): fc.Arbitrary<Draft> =>
  fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })));

const NAMES = ["a", "b", "c", "l"];
const component = fc.oneof(
  { weight: 12, arbitrary: of(...NAMES) },
  { weight: 1, arbitrary: of(".", "..") },
);
const plainPath = fc
  .tuple(
    of("/", "/", "/", ""),
    fc.array(component, { maxLength: 2 }),
    of(...NAMES),
    of("", "", "", "", "", "/"),
  )
  .map(([root, middle, last, slash]) => `${root}${[...middle, last].join("/")}${slash}`);

const LONG = "x".repeat(255);
const strangePath = of(
  "",
  "/",
  ".",
  "..",
  "/..",
  "/a/.",
  "/a/..",
  `/${LONG}`,
  `/${LONG}y`,
  `/a/${LONG}y/b`,
  `${"/a/..".repeat(818)}/abcd`,
  `${"/a/..".repeat(818)}/abcde`,
  `${"/".repeat(4094)}a`,
  `${"/".repeat(4095)}a`,
  "/l/l/l",
  "/proc/self/cwd/a",
  "/proc/self/root/a",
  "/proc/self/fd",
  "/proc/none",
);
const path = fc.oneof({ weight: 20, arbitrary: plainPath }, { weight: 1, arbitrary: strangePath });
const linkText = fc.oneof(
  plainPath,
  of(
    "a",
    "b",
    "../a",
    "..",
    ".",
    "l",
    "l/l",
    "a/b",
    "../../c",
    "/",
    "none",
    "/l",
    "y".repeat(4095),
  ),
);
export const mode = of(
  0o755,
  0o700,
  0o1777,
  0o2755,
  0o644,
  0o4755,
  0o2775,
  0o777,
  0,
  0o600,
  0o070,
  0o007,
);
const data = of("", "x", "some text", "z".repeat(5000));
const size = of(0, 1, 3, 5000, 99999, 100000, 100001, -1);
const fd = of(3, 3, 3, 4, 4, 5, 6, 99, -1);
export const id = of(0, 0, 7, 9, 1000, 65534, -1);

const openFlags = of(
  "O_RDONLY",
  "O_RDONLY|O_DIRECTORY",
  "O_RDONLY|O_NOFOLLOW",
  "O_RDONLY|O_CREAT",
  "O_RDONLY|O_TRUNC",
  "O_WRONLY",
  "O_WRONLY|O_APPEND",
  "O_WRONLY|O_CREAT",
  "O_WRONLY|O_CREAT|O_EXCL",
  "O_WRONLY|O_TRUNC",
  "O_RDWR",
  "O_RDWR|O_CREAT",
  "O_RDWR|O_CREAT|O_TRUNC|O_APPEND",
  "O_RDWR|O_CREAT|O_NOFOLLOW",
  "O_CREAT|O_DIRECTORY",
  "O_PATH",
  "O_PATH|O_NOFOLLOW",
  "O_PATH|O_DIRECTORY",
);

export const NAMING: Choice[] = [
  [6, words("mkdir", path, mode)],
  [3, words("rmdir", path)],
  [3, words("unlink", path)],
  [6, words("rename", path, path)],
  [4, words("link", path, path)],
  [5, words("symlink", linkText, path)],
  [2, words("mknod", path, of("S_IFREG", "S_IFIFO", "S_IFCHR", "S_IFDIR"), of(0, 259, 261))],
  [4, words("put", path, data)],
  [3, words("get", plainPath)],
  [2, words("list", path)],
  [2, words("readlink", path)],
  [3, words("lstat", path)],
  [2, words("stat", path)],
  [2, words("truncate", path, size)],
];

export const DESCRIPTORS: Choice[] = [
  [8, words("open", path, openFlags, mode)],
  [2, words("openat", fd, plainPath, openFlags, mode)],
  [2, words("close", fd)],
  [3, words("read", fd, of(1, 4, 10000))],
  [4, words("write", fd, data)],
  [3, words("lseek", fd, of(0, 1, 10, -1, 6000), of(0, 1, 2))],
  [2, words("ftruncate", fd, size)],
  [2, words("dup", fd)],
  [1, words("dup2", fd, of(3, 4, 9))],
  [1, words("getfl", fd)],
  [2, words("fstat", fd)],
  [1, words("setrlimit", of(7), of("3", "5", "64"), of("64"))],
];

export const PLACES: Choice[] = [
  [3, words("chdir", path)],
  [1, words("fchdir", fd)],
  [1, words("chroot", path)],
  [3, words("getcwd")],
];

export const ATTRIBUTES: Choice[] = [
  [4, words("chmod", path, mode)],
  [4, words("chown", path, id, id)],
  [2, words("utime", path, of(5, 1000))],
  [3, words("access", plainPath, of(0, 1, 2, 4, 6, 7, 8), either(0, "AT_EACCESS", "AT_EACCESS"))],
  [2, words("umask", of(0, 0o22, 0o77, 0o777))],
  [
    3,
    words(
      "setxattr",
      path,
      of("user.x", "user.y", "trusted.x", "bogus.x", "user", "", `user.${LONG}`),
      of("1", "value"),
      either("XATTR_CREATE", "XATTR_REPLACE", 0, 0),
    ),
  ],
  [2, words("getxattr", path, of("user.x", "trusted.x", "bogus.x"))],
  [1, words("removexattr", path, of("user.x", "trusted.x", "bogus.x"))],
  [1, words("listxattr", path)],
];

const attributes = of("", "", "|MS_RDONLY", "|MS_NOSUID|MS_NODEV", "|MS_NOEXEC", "|MS_NOATIME");
const propagation = fc
  .tuple(of("MS_PRIVATE", "MS_SHARED", "MS_SLAVE", "MS_UNBINDABLE"), of("", "", "|MS_REC"))
  .map((parts) => parts.join(""));
const nothing = of("");
export const MOUNTS: Choice[] = [
  [
    5,
    words(
      "mount",
      of("t", "t2", ""),
      path,
      of("tmpfs"),
      attributes.map((more): Word => more.slice(1) || 0),
      of("", "", "", "size=8k", "nr_inodes=3", "mode=700", "bogus=1"),
    ),
  ],
  [
    8,
    words(
      "mount",
      path,
      path,
      nothing,
      of("MS_BIND", "MS_BIND", "MS_BIND|MS_REC", "MS_BIND|MS_RDONLY"),
      nothing,
    ),
  ],
  [5, words("mount", path, path, nothing, of("MS_MOVE"), nothing)],
  [6, words("mount", nothing, path, nothing, propagation, nothing)],
  [
    3,
    words(
      "mount",
      nothing,
      path,
      nothing,
      fc.tuple(of("MS_REMOUNT", "MS_REMOUNT|MS_BIND"), attributes).map((parts) => parts.join("")),
      nothing,
    ),
  ],
  [1, words("mount", of("p"), path, of("proc"), either(0, "MS_RDONLY"), nothing)],
  [1, words("mount", of("x"), path, of("none-such", ""), of(0), nothing)],
  [4, words("umount", path, either(0, 0, "MNT_DETACH", "UMOUNT_NOFOLLOW", 64))],
  [2, words("pivot_root", path, path)],
];

export const kinds = fc
  .uniqueArray(
    fc.oneof(
      { weight: 3, arbitrary: of("CLONE_NEWNS", "CLONE_NEWUSER", "CLONE_NEWPID", "CLONE_NEWUTS") },
      { weight: 1, arbitrary: of("CLONE_NEWIPC", "CLONE_NEWCGROUP") },
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map((all) => all.join("|"));
export const KINDS = ["mnt", "uts", "ipc", "net", "pid", "user", "cgroup", "time"];
const namespaceFile = fc
  .tuple(of("self", "1", "2", "3"), of(...KINDS, "pid_for_children", "time_for_children"))
  .map(([pid, kind]) => `/proc/${pid}/ns/${kind}`);
const map = of(
  "0 0 1",
  "0 0 10",
  "0 7 1",
  "5 0 1",
  "0 1000 5\n",
  "0 0 4294967295",
  "0 0 1\n1 1 5",
  "0 0 5\n3 9 1",
  "0 0 0",
  "x",
  "0 0 1 1",
  "",
);
export const NAMESPACES: Choice[] = [
  [
    5,
    words(
      "unshare",
      fc.oneof<fc.Arbitrary<Word>[]>(kinds, either("CLONE_NEWTIME", 0, "CLONE_NEWNET")),
    ),
  ],
  [5, words("open", namespaceFile, of("O_RDONLY", "O_RDONLY", "O_RDONLY", "O_PATH"), of(0))],
  [6, words("setns", fd, fc.oneof(of<Word>(0, 0, 0), kinds))],
  [2, words("userns", fd)],
  [2, words("parentns", fd)],
  [1, words("nstype", fd)],
  [1, words("owner", fd)],
  [3, words("sethostname", of("alpha", "beta", "", "h".repeat(64), "h".repeat(65)))],
  [3, words("gethostname")],
  [4, words("readlink", namespaceFile)],
  [
    5,
    words(
      "put",
      fc
        .tuple(of("self", "1", "2", "3"), of("uid_map", "uid_map", "gid_map"))
        .map(([pid, file]) => `/proc/${pid}/${file}`),
      map,
    ),
  ],
  [1, words("put", of("/proc/self/setgroups", "/proc/2/setgroups"), of("deny", "allow", "x"))],
  [
    2,
    words(
      "get",
      of("/proc/self/uid_map", "/proc/2/uid_map", "/proc/1/gid_map", "/proc/2/setgroups"),
    ),
  ],
  [2, words("ids")],
  [1, words("getpid")],
  [1, words("get", of("/proc/self/status", "/proc/2/status"))],
];
/** Linux 6.18 tells an older mount namespace by a number that each CPU counts for itself: chance. */
const isPinnable = (file: string): boolean => !/\/\d+\/ns\/mnt$/.test(file);

/** What needs a namespace's file to stand somewhere. */
export const PINS: Choice[] = [
  [
    2,
    words(
      "mount",
      namespaceFile.filter(isPinnable),
      of("/a/c", "/b", "/c"),
      nothing,
      of("MS_BIND"),
      nothing,
    ),
  ],
  [1, words("open", of("/a/c"), of("O_RDONLY"), of(0))],
  [1, words("umount", of("/a/c"), either(0, "MNT_DETACH"))],
];

const cgroup = of("/cg/pids", "/cg/pids/x", "/cg/pids/x/y", "/cg/cpu/x", "/cg/cpu/z");
export const CGROUPS: Choice[] = [
  [5, words("mkdir", cgroup, of(0o755))],
  [2, words("rmdir", cgroup)],
  [
    8,
    words(
      "put",
      cgroup.map((at) => `${at}/cgroup.procs`),
      of("0", "1", "2", "3", "4", "99", "x"),
    ),
  ],
  [
    2,
    words(
      "put",
      cgroup.map((at) => `${at}/pids.max`),
      of("1", "2", "3", "max", "-1"),
    ),
  ],
  [
    2,
    words(
      "get",
      cgroup.map((at) => `${at}/cgroup.procs`),
    ),
  ],
  [
    1,
    words(
      "get",
      cgroup.map((at) => `${at}/pids.current`),
    ),
  ],
  [4, words("get", of("/proc/self/cgroup", "/proc/1/cgroup", "/proc/2/cgroup", "/proc/3/cgroup"))],
  [1, words("unshare", of("CLONE_NEWCGROUP"))],
  [1, words("exit", of(0))],
  [2, words("wait", of(-1), of(0))],
];
