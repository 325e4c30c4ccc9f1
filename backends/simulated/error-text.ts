// What tools say about a failed system call: the texts of strerror(3).

import { type ErrnoName, errnoOf } from "./errno.ts";

const TEXTS: Partial<Record<ErrnoName, string>> = {
  EPERM: "Operation not permitted",
  ENOENT: "No such file or directory",
  ESRCH: "No such process",
  EINTR: "Interrupted system call",
  EIO: "Input/output error",
  ENXIO: "No such device or address",
  ENOEXEC: "Exec format error",
  EBADF: "Bad file descriptor",
  EAGAIN: "Resource temporarily unavailable",
  ENOMEM: "Cannot allocate memory",
  EACCES: "Permission denied",
  EBUSY: "Device or resource busy",
  EEXIST: "File exists",
  EXDEV: "Invalid cross-device link",
  ENODEV: "No such device",
  ENOTDIR: "Not a directory",
  EISDIR: "Is a directory",
  EINVAL: "Invalid argument",
  EFBIG: "File too large",
  ENOSPC: "No space left on device",
  EROFS: "Read-only file system",
  EMLINK: "Too many links",
  EPIPE: "Broken pipe",
  ENAMETOOLONG: "File name too long",
  ENOSYS: "Function not implemented",
  ENOTEMPTY: "Directory not empty",
  ELOOP: "Too many levels of symbolic links",
  ENODATA: "No data available",
  ENOTSUP: "Operation not supported",
  EBADMSG: "Bad message",
  EUCLEAN: "Structure needs cleaning",
  EDQUOT: "Disk quota exceeded",
};

/** Of an error that is a failed system call; any other is thrown again. */
export function errorText(error: unknown): string {
  const errno = errnoOf(error);
  if (errno === undefined) throw error;
  return TEXTS[errno] ?? errno;
}
