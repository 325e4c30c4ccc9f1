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
