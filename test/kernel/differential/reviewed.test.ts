// What a review of the simulated kernel found different, each by its name: both kernels give what
// stands here.

import { describe } from "vitest";
import { type Case, holdsOnBoth } from "./cases.ts";
import { step } from "./steps.ts";

const PAGE = "x".repeat(4096);
/** No capability. */
const NONE = "0";

/** A tmpfs of four pages at /a, mounted as descriptor 3 is opened for a file in it. */
const small = (...rest: readonly ReturnType<typeof step>[]) => [
  step(0, "mkdir", "/a", 0o755),
  step(0, "mount", "t", "/a", "tmpfs", 0, "size=16k"),
  step(0, "open", "/a/f", "O_WRONLY|O_CREAT", 0o644),
  ...rest,
];

const CASES: Readonly<Record<string, Case>> = {
  "counts the bytes of a symlink, not its characters": {
    steps: [step(0, "symlink", "é", "/l"), step(0, "lstat", "/l")],
    gives: ["= 120777 0:0 links 1 size 2"],
  },
  "opens no socket": {
    steps: [
      step(0, "mknod", "/s", 0o140644, 0),
      step(0, "open", "/s", "O_RDONLY", 0),
      step(0, "open", "/s", "O_WRONLY|O_TRUNC", 0),
      step(0, "open", "/s", "O_PATH", 0),
    ],
    gives: ["= 0", "ENXIO", "ENXIO", "= 3"],
  },
  "has as much room in a tmpfs as it was made with, after files that grew": {
    steps: small(
      step(0, "write", 3, PAGE),
      step(0, "write", 3, PAGE),
      step(0, "write", 3, PAGE),
      step(0, "close", 3),
      step(0, "unlink", "/a/f"),
      step(0, "open", "/a/g", "O_WRONLY|O_CREAT", 0o644),
      ...Array.from({ length: 5 }, () => step(0, "write", 3, PAGE)),
    ),
    gives: ["= 3", "= 4096", "= 4096", "= 4096", "= 4096", "ENOSPC"],
  },
  "keeps the room of a file without a name until it is closed": {
    steps: small(
      step(0, "unlink", "/a/f"),
      ...Array.from({ length: 4 }, () => step(0, "write", 3, PAGE)),
      step(0, "open", "/a/g", "O_WRONLY|O_CREAT", 0o644),
      step(0, "write", 4, PAGE),
      step(0, "dup", 3),
      step(0, "close", 3),
      step(0, "write", 4, PAGE),
      step(0, "close", 5),
      step(0, "write", 4, PAGE),
    ),
    gives: ["= 4", "ENOSPC", "= 5", "= 0", "ENOSPC", "= 0", "= 4096"],
  },
  "gives a file's room back when its last name goes after its last descriptor": {
    steps: small(
      step(0, "write", 3, PAGE),
      step(0, "link", "/a/f", "/a/g"),
      step(0, "unlink", "/a/f"),
      step(0, "close", 3),
      step(0, "unlink", "/a/g"),
      step(0, "open", "/a/h", "O_WRONLY|O_CREAT", 0o644),
      ...Array.from({ length: 5 }, () => step(0, "write", 3, PAGE)),
    ),
    gives: ["= 4096", "= 4096", "= 4096", "= 4096", "ENOSPC"],
  },
  "lowers the score of who is killed first no further than who may has": {
    steps: [
      step(0, "clone", 1, 0),
      step(1, "capset", NONE, NONE, NONE),
      step(1, "put", "/proc/self/oom_score_adj", "-5"),
      step(1, "put", "/proc/self/oom_score_adj", "1001"),
      step(1, "put", "/proc/self/oom_score_adj", "400"),
      step(1, "put", "/proc/self/oom_score_adj", "0"),
    ],
    gives: ["EACCES", "EINVAL", "= 3", "= 1"],
  },
  "escapes more in the source of a mount than in its place": {
    steps: [
      step(0, "mkdir", "/a# \n", 0o755),
      step(0, "mount", "a# \n\\", "/a# \n", "tmpfs", 0, ""),
      step(0, "get", "/proc/self/mountinfo"),
    ],
    gives: [
      "mount 1 on mount 2 on device 1 / / rw,relatime tmpfs rw\nmount 3 on mount 1 on device 2 / /proc rw,relatime proc rw\nmount 4 on mount 1 on device 3 / /a#\\040\\012 rw,relatime tmpfs a\\043\\040\\012\\134 rw",
    ],
  },
  "lets a process name itself": {
    steps: [
      step(0, "put", "/proc/self/comm", "a name that is too long"),
      step(0, "get", "/proc/self/comm"),
      step(0, "clone", 1, 0),
      step(1, "put", "/proc/1/comm", "x"),
    ],
    gives: ["= 23", "= a name that is \n", "= 2", "EINVAL"],
  },
};

describe("what a review found different is the same on both kernels", () => holdsOnBoth(CASES));
