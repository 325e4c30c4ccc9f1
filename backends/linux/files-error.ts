// What the file system refuses, in the words of the house: the only place that knows errno names
// of file calls.

import { getSystemErrorMessage } from "node:util";
import { type ErrorKind, NacreError } from "@nacre/core/error.ts";

interface Meaning {
  readonly kind: ErrorKind;
  readonly advice?: string;
}

const FREE_SPACE =
  "Free some space there (`nacre system prune` removes what is unused), or choose another --root.";

/** Every errno that means more than "the kernel refused". */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  ENOENT: { kind: "not-found" },
  ENOTDIR: { kind: "not-found" },
  EEXIST: { kind: "exists" },
  ENOTEMPTY: { kind: "in-use" },
  EBUSY: { kind: "in-use" },
  EACCES: { kind: "denied", advice: "Run as root, or look at the permissions on the way there." },
  EPERM: {
    kind: "denied",
    advice: "Run as root; for root, `lsattr` shows whether the file was made immutable.",
  },
  EROFS: {
    kind: "denied",
    advice: "That file system is mounted read-only: choose another --root, or remount it.",
  },
  ENOSPC: { kind: "no-space", advice: FREE_SPACE },
  EDQUOT: { kind: "no-space", advice: FREE_SPACE },
  EMFILE: { kind: "kernel", advice: "Allow this process more open files (`ulimit -n`)." },
  ENFILE: { kind: "kernel", advice: "Allow this machine more open files (sysctl fs.file-max)." },
  EIO: { kind: "kernel", advice: "The disk reports an error: see `dmesg`." },
};

/** The errno name that Node put on an error; undefined for errors of another origin. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/**
 * A failed call on `path` as a NacreError. `action` is a verb for the message: "read", "write".
 * Errors that did not come from the kernel are handed back as they are.
 */
export function fileError(error: unknown, action: string, path: string): Error {
  const errno = errnoOf(error);
  if (error instanceof NacreError || errno === undefined) return error as Error;
  const { errno: number, syscall } = error as NodeJS.ErrnoException;
  const reason = number === undefined ? errno : getSystemErrorMessage(number);
  const meaning = MEANINGS[errno] ?? { kind: "kernel" };
  return new NacreError(meaning.kind, `cannot ${action} ${path}: ${reason}`, {
    operation: `${syscall ?? action} ${path}`,
    errno,
    cause: error,
    ...(meaning.advice && { advice: meaning.advice }),
  });
}

/** Runs a synchronous call; what it throws becomes a NacreError. */
export function attempt<T>(action: string, path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fileError(error, action, path);
  }
}
