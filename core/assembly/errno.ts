// The kernel's error numbers (Linux, include/uapi/asm-generic/errno-base.h), used as fault codes by
// what models the kernel.

export const ENOENT: u32 = 2;
export const ESRCH: u32 = 3;
export const EAGAIN: u32 = 11;
export const EACCES: u32 = 13;
export const EBUSY: u32 = 16;
export const EEXIST: u32 = 17;
export const EINVAL: u32 = 22;
export const ENOSPC: u32 = 28;
export const ERANGE: u32 = 34;
export const ENAMETOOLONG: u32 = 36;
export const EOPNOTSUPP: u32 = 95;
