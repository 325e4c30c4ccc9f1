// Device nodes and fifos of this machine. Node has no mknod(2), and they are copied once in a blue
// moon: coreutils and busybox make them.

import type { TreeEntry } from "@nacre/core/ports/files.ts";

const NODES: ReadonlySet<TreeEntry["kind"]> = new Set(["character-device", "block-device", "fifo"]);

export const isNode = ({ kind }: TreeEntry): boolean => NODES.has(kind);

/**
 * A container may make any device, and not open it: what it has made is for nobody but its new
 * owner here, whatever its bits there. False where nobody but the machine's root may make it.
 * `path` is absolute; nothing is there.
 */
export function makeNode(path: Buffer, { kind, mode, node }: TreeEntry): boolean {
  const name = path.toString();
  if (!Buffer.from(name).equals(path)) return false; // no word of a command line can name it
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  const bits = (mode & (kind === "fifo" ? 0o7777 : 0o700)).toString(8);
  const letter = { fifo: "p", "block-device": "b" }[kind as string] ?? "c";
  const numbers = node && letter !== "p" ? [String(node.major), String(node.minor)] : [];
  return spawnSync("mknod", ["-m", bits, name, letter, ...numbers]).status === 0;
}
