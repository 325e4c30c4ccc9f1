// Images of a frozen Node: where they lie, how they are made, and when Node is started without them.
// docs/decisions/0046-frozen-node.md.

import { readlinkSync } from "node:fs";
import { basename } from "node:path";
import { NODE_FLAGS } from "./node-flags.ts";

/** nacre-start names an image by it that is not there, or is none of this start of the machine. */
export const UNFROZEN = "NACRE_UNFROZEN";

/**
 * Variables that Node, V8, libc or OpenSSL read as they start, by their beginnings: a start that has
 * one is made as usual. NODE_EXTRA_CA_CERTS is seen to (thawed.ts); others are read when they are used.
 */
export const PLAIN: readonly string[] = [
  ...["NODE_OPTIONS=", "NODE_V8_COVERAGE=", "NODE_DEBUG", "NODE_ICU_DATA=", "NODE_COMPILE_CACHE="],
  ...["NODE_USE_", "NODE_REDIRECT_WARNINGS=", "NODE_PENDING_", "NODE_PATH=", "NODE_CHANNEL_"],
  ...["NODE_NO_WARNINGS=", "NODE_PRESERVE_SYMLINKS", "NODE_UNIQUE_ID="],
  ...["LD_", "GLIBC_TUNABLES=", "MALLOC_", "OPENSSL_"],
];

/** What becomes root in a user namespace has one of its own: a file has another owner there. */
export const imagePath = (directory: string, unprivileged: boolean): string =>
  `${directory}/${unprivileged ? "frozen-unprivileged" : "frozen"}`;

/** Whoever makes this file makes the image. */
export const lockPath = (image: string): string => `${image}.lock`;

/** After it nobody is making an image any more whose lock, or half of it, is still there. */
export const FREEZES_WITHIN_MS = 3_600_000;

export const starterPath = (directory: string): string =>
  `${directory}/nacre-start-${process.arch}`;

export const addonPath = (directory: string): string => `${directory}/addon-${process.arch}.node`;

/** This Node by the path that it was started by: images are known by that, and links have another one. */
export const nodeAsCalled = (): string =>
  process.argv0.startsWith("/") ? process.argv0 : process.execPath;

/** Whether this process was made of an image: then it is nacre-start that was executed. */
export function isThawed(): boolean {
  try {
    return basename(readlinkSync("/proc/self/exe")) === basename(starterPath(""));
  } catch {
    return false; // no /proc, no image
  }
}

/**
 * V8 alone, as no other thread is frozen; every function compiled, and kept: a page of it that a
 * command does not touch costs nothing. Machine code is made of what is called ten times as often as
 * usual, since no other thread makes it meanwhile.
 */
const FLAGS = [
  "--single-threaded",
  "--no-sparkplug",
  "--invocation-count-for-maglev=4000",
  "--invocation-count-for-turbofan=30000",
  "--no-lazy",
  "--no-flush-bytecode",
  "--expose-gc",
];

/**
 * As V8 would have its heap on this machine. By itself it would have it for the memory of the cgroup
 * that it is frozen in, which says nothing of those who begin from the image.
 */
function heapFlags(): string[] {
  const { totalmem } = process.getBuiltinModule("node:os");
  const mib = totalmem() / 2 ** 20;
  const most = Math.floor(Math.min(mib / 2, mib > 15 * 1024 ? 4096 : 2048));
  // More room for young objects makes nothing faster, and is not there in a small cgroup.
  return [`--max-old-space-size=${most}`, "--max-semi-space-size=16"];
}

/** The command line that makes the image `image` for `node`. */
export const freezeCommand = (directory: string, node: string, image: string): string[] => [
  ...[starterPath(directory), "--freeze", node, ...NODE_FLAGS, ...FLAGS, ...heapFlags(), "--"],
  ...[`${directory}/freeze.cjs`, image],
];

/** The beginning of a command line that makes a process of an image, or starts `node` where it cannot. */
export const thawCommand = (directory: string, node: string, image: string): string[] => [
  ...[starterPath(directory), "--thaw", image, node, ...NODE_FLAGS],
];

/**
 * All that the process has of an environment; Node needs none. The addon is there before Node, and says
 * where V8's heap is to lie (backends/linux/addon/gather.c), unless ld.so would read its path as a list
 * or put something else into it: then the heap lies as it comes.
 */
export function freezeEnvironment(directory: string): NodeJS.ProcessEnv {
  const addon = addonPath(directory);
  return { PATH: "/usr/bin:/bin", ...(/^[\w./@+-]+$/.test(addon) && { LD_PRELOAD: addon }) };
}
