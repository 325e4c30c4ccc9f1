// One error type for the whole house: rich inside, one small public `kind` outside.

/**
 * What callers switch on; nothing matches on a message.
 *
 * - `invalid`: what the caller gave breaks a grammar or a rule
 * - `not-found` / `exists` / `in-use`: a named thing is missing, taken, or needed by another
 * - `unauthorized`: a registry refused the credentials, or wants some
 * - `unreachable`: no answer from the network
 * - `corrupt`: bytes are not what their digest, size or format says
 * - `denied`: the kernel or the file system refused (EPERM, EACCES)
 * - `unsupported`: this host, kernel or media type cannot do it
 * - `no-space`: the disk or a quota is full
 * - `kernel`: a kernel operation failed in another way; `errno` says how
 * - `command-not-found` / `command-not-executable`: the container's own command (127, 126)
 * - `conflict`: the thing's state does not allow it (a running container cannot be removed)
 * - `interrupted`: the caller or a signal stopped it
 * - `plugin`: a plugin cannot be loaded, or failed in a way that it did not foresee
 * - `internal`: a defect of Nacre
 */
export type ErrorKind =
  | "invalid"
  | "not-found"
  | "exists"
  | "in-use"
  | "unauthorized"
  | "unreachable"
  | "corrupt"
  | "denied"
  | "unsupported"
  | "no-space"
  | "kernel"
  | "command-not-found"
  | "command-not-executable"
  | "conflict"
  | "interrupted"
  | "plugin"
  | "internal";

export interface ErrorDetail {
  /** The operation that failed with its arguments, as a person would type or trace it. */
  readonly operation?: string;
  /** What the person can do about it: one sentence. */
  readonly advice?: string;
  /** The kernel's error name, such as `ENOSPC`, where one was given. */
  readonly errno?: string;
  readonly cause?: unknown;
}

/** `message` says what failed, on what, and why; `advice` what to do. */
export class NacreError extends Error {
  override readonly name = "NacreError";
  readonly kind: ErrorKind;
  readonly operation: string | undefined;
  readonly advice: string | undefined;
  readonly errno: string | undefined;

  /** Also of another copy of this class: plugins and the package's entries each have their own. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: whoever extends it asks for no less than his own.
    if (this !== NacreError) return Function.prototype[Symbol.hasInstance].call(this, value);
    if (!(value instanceof Error) || value.name !== "NacreError") return false;
    return typeof (value as Partial<NacreError>).kind === "string";
  }

  constructor(kind: ErrorKind, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.kind = kind;
    this.operation = detail.operation;
    this.advice = detail.advice;
    this.errno = detail.errno;
  }
}

const isNotFound = (error: unknown): boolean =>
  error instanceof NacreError && error.kind === "not-found";

/** What `look` gives; undefined where that is `not-found`. */
export function whereFound<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** The same where looking takes its time. */
export async function whenFound<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
