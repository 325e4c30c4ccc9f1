// /proc/self/mountinfo (proc_pid_mountinfo(5)):
//
//   36 35 98:0 /root /mnt rw,noatime master:1 - ext3 /dev/root rw,errors=continue
//   id parent device root target options [optional…] - type source superOptions
//
// Blanks, tabs, newlines and backslashes in names are octal escapes: \040 \011 \012 \134.

import type { MountEntry } from "./ports/kernel.ts";

/** Undoes the octal escapes; the kernel makes them for ASCII characters only. */
export function unescapeOctal(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\([0-3][0-7]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** Lines that do not have the format's fields are left out. */
export function parseMountinfo(text: string): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split("\n")) {
    const fields = line.split(" ");
    const separator = fields.indexOf("-", 6);
    const [id, parent, device, root, target, options] = fields;
    const [type, source, superOptions] = fields.slice(separator + 1);
    if (separator < 0 || superOptions === undefined) continue;
    entries.push({
      id: Number(id),
      parent: Number(parent),
      device: device as string,
      root: unescapeOctal(root as string),
      target: unescapeOctal(target as string),
      options: options as string,
      type: unescapeOctal(type as string),
      source: unescapeOctal(source as string),
      superOptions,
    });
  }
  return entries;
}
