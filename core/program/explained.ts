// What several operations carry.

/** What every operation may carry for the person who reads the program. */
export interface Explained {
  /** Why this operation stands here, as a clause: "so that the container sees its own pids". */
  readonly why?: string;
  /** The field of a config.json that asks for it: `linux.resources.memory.limit`. */
  readonly field?: string;
  /**
   * In the child's section: carried out for the child by a process that has the machine's powers,
   * in all of the child's namespaces but that of users. All that stand in a row are done by one
   * process, with a root of its own to open, which then goes.
   */
  readonly outside?: boolean;
}

/** Owner, permission bits and modification time of a thing that is placed in a tree. */
export interface Ownership {
  /** Permission bits with setuid, setgid and sticky: 0o0000 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since the epoch, may be negative, and nanoseconds of that second; absent: now. */
  readonly mtime?: { readonly seconds: number; readonly nanoseconds: number };
}
