/** Major and minor number as st_rdev has them packed: gnu_dev_major(3). */
export function unpackDevice(packed: bigint): { readonly major: number; readonly minor: number } {
  const major = ((packed >> 8n) & 0xfffn) | ((packed >> 32n) & ~0xfffn);
  const minor = (packed & 0xffn) | ((packed >> 12n) & ~0xffn & 0xffffffffn);
  return { major: Number(major), minor: Number(minor) };
}
