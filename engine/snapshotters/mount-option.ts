import { NacreError } from "@nacre/core/error.ts";

/** What fsconfig(2) takes as a value, without its NUL (strndup_user in fs/fsopen.c). */
const VALUE_LIMIT_BYTES = 255;

/** `key=path` as an option of a mount. NacreError `invalid` for a path that the kernel would refuse. */
export function pathOption(key: string, path: string): string {
  if (new TextEncoder().encode(path).length <= VALUE_LIMIT_BYTES) return `${key}=${path}`;
  throw new NacreError("invalid", `the path ${path} is too long for a mount`, {
    operation: `fsconfig ${key}=${path}`,
    advice: "Choose a shorter --root: 150 bytes are always enough.",
  });
}

/** Whether a kernel's release (`6.12.3-amd64`) is at least `wanted` (`6.8`). */
export function kernelAtLeast(release: string, wanted: string): boolean {
  const [major = 0, minor = 0] = release.split(".").map((part) => Number.parseInt(part, 10));
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split(".").map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
