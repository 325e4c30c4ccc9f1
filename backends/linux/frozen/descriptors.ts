// Which descriptors a stopped process has, and how they are made again.

import {
  closeSync,
  constants,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
} from "node:fs";

/** The numbers of launcher/frozen.h. */
export const KINDS = { pipe: 0, events: 1, epoll: 2, watch: 3 } as const;

export interface FrozenDescriptor {
  readonly kind: keyof typeof KINDS;
  readonly number: number;
  /** As open(2) has them; of a watch none. */
  readonly flags: number;
  /** A pipe's end to write to; the descriptor that is watched. */
  readonly other: number;
  /** Bytes in a pipe; the events that are watched for. */
  readonly amount: number;
}

/** Below it callers have theirs, and nacre-start has had /dev/null put there (launcher/thaw.c). */
export const LOWEST = 64;

const MODE = constants.O_WRONLY | constants.O_RDWR;
/** O_CLOEXEC; node:fs has no name for it. */
const CLOSE_ON_EXEC = 0o2000000;

/**
 * @throws Error for one that cannot be made again: a file, a socket
 */
export function descriptorsOf(pid: number): FrozenDescriptor[] {
  const found: FrozenDescriptor[] = [];
  const pipes = new Map<string, { number?: number; other?: number; flags: number }>();
  for (const name of readdirSync(`/proc/${pid}/fd`)) {
    const number = Number(name);
    const target = readlinkSync(`/proc/${pid}/fd/${name}`);
    const { flags, watches } = parseInformation(
      readFileSync(`/proc/${pid}/fdinfo/${name}`, "latin1"),
    );
    const kept = flags & (constants.O_NONBLOCK | CLOSE_ON_EXEC);
    const one = { number, flags: kept, other: 0, amount: 0 };
    if (number < LOWEST && (number < 3 || target === "/dev/null")) continue;
    if (target === "anon_inode:[eventfd]") {
      found.push({ ...one, kind: "events" });
    } else if (target === "anon_inode:[eventpoll]") {
      found.push({ ...one, kind: "epoll" });
      for (const watch of watches) found.push({ ...one, ...watch, kind: "watch", flags: 0 });
    } else if (target.startsWith("pipe:")) {
      const end = (flags & MODE) === constants.O_WRONLY ? "other" : "number";
      pipes.set(target, { ...pipes.get(target), [end]: number, flags: kept });
    } else {
      throw new Error(`descriptor ${number} is ${target}, which cannot be made again`);
    }
  }
  for (const [name, { number, other, flags }] of pipes) {
    if (number === undefined || other === undefined)
      throw new Error(`${name} has an end elsewhere`);
    found.push({ kind: "pipe", number, other, flags, amount: pending(pid, number) });
  }
  // What is watched is there first.
  return found.sort((a, b) => Number(a.kind === "watch") - Number(b.kind === "watch"));
}

interface Information {
  readonly flags: number;
  readonly watches: readonly { readonly other: number; readonly amount: number }[];
}

/** proc_pid_fdinfo(5). */
export function parseInformation(text: string): Information {
  const flags = Number.parseInt(/^flags:\s+(\d+)$/m.exec(text)?.[1] ?? "0", 8);
  const lines = text.matchAll(/^tfd:\s+(\d+) events:\s+([\da-f]+) data:\s+([\da-f]+)/gm);
  const watches = Array.from(lines, ([, watched, events, data]) => {
    // libuv's way; what else it were would have a meaning in that memory.
    if (Number.parseInt(data!, 16) !== Number(watched))
      throw new Error(`a watch of ${watched} by ${data}`);
    return { other: Number(watched), amount: Number.parseInt(events!, 16) };
  });
  return { flags, watches };
}

/** How many bytes a pipe holds. They are taken out of it: the process does not go on. */
function pending(pid: number, number: number): number {
  const file = openSync(`/proc/${pid}/fd/${number}`, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return readSync(file, Buffer.alloc(65_536));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return 0;
    throw error;
  } finally {
    closeSync(file);
  }
}
