// What a simulated system call fails with: Linux's names and numbers (asm-generic/errno*.h).

/** The numbers that operations of kind `fail` carry, and those that this kernel gives itself. */
const NUMBERS = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  ENOEXEC: 8,
  EBADF: 9,
  ECHILD: 10,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTBLK: 15,
  ENOTTY: 25,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EMLINK: 31,
  EPIPE: 32,
  ERANGE: 34,
  EDEADLK: 35,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  ENODATA: 61,
  EBADMSG: 74,
  EOVERFLOW: 75,
  EUSERS: 87,
  // Linux calls it EOPNOTSUPP as well; this is the name that Node gives the number.
  ENOTSUP: 95,
  ETIMEDOUT: 110,
  ESTALE: 116,
  EUCLEAN: 117,
  EDQUOT: 122,
  ECANCELED: 125,
} as const;

export type ErrnoName = keyof typeof NUMBERS;

/** A failed system call. `detail` says which step of an operation it was, as nacre-init does. */
export class Errno extends Error {
  override readonly name = "Errno";
  readonly errno: ErrnoName;
  readonly detail: string;

  constructor(errno: ErrnoName, detail = "") {
    // A failed call is an answer: where it was given says nothing, and looking costs microseconds.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(detail === "" ? errno : `${errno}: ${detail}`);
    Error.stackTraceLimit = stackTraceLimit;
    this.errno = errno;
    this.detail = detail;
  }
}

/** An errno is a result and no fault of the code: nobody reads its stack, which costs most of it. */
export function fail(errno: ErrnoName, detail?: string): never {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const fault = new Errno(errno, detail);
  Error.stackTraceLimit = stackTraceLimit;
  throw fault;
}

/** The name of an error that is a failed system call, else undefined. */
export function errnoOf(error: unknown): ErrnoName | undefined {
  return error instanceof Errno ? error.errno : undefined;
}

/** Runs a call; what it fails with is said again with `detail` in front. */
export function because<T>(detail: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    throw new Errno(error.errno, error.detail === "" ? detail : error.detail);
  }
}

/** The name of a number; undefined for numbers that nothing here gives. */
export function errnoNamed(number: number): ErrnoName | undefined {
  return (Object.keys(NUMBERS) as ErrnoName[]).find((name) => NUMBERS[name] === number);
}

export function isErrnoName(name: string): name is ErrnoName {
  return Object.hasOwn(NUMBERS, name);
}
