// What a process forgets before it is frozen, and what one that was made of the image has to learn of
// itself: it was frozen as another one.

import { writeSync } from "node:fs";
import type { Addon } from "@nacre/linux/addon.ts";
import { ignoreHangup } from "./hangup.ts";
import { NODE_FLAGS } from "./node-flags.ts";

/** Addon.freeze, of a process that has forgotten where it was: Node remembers it until it moves. */
export function freeze(addon: Addon): ReturnType<Addon["freeze"]> {
  process.chdir("/");
  return addon.freeze();
}

/** What the addon returns: the pid, then what nacre-start was called with, NODE FLAGS -- START WORDS. */
function wordsOf(called: readonly string[]): string[] {
  return called.slice(called.indexOf("--") + 2);
}

/** Puts `process` in order and returns the command line's words. `called`: see Addon.freeze. */
export function thawed(addon: Addon, called: readonly string[], start: string): string[] {
  const words = wordsOf(called);
  const pid = Number(called[0]);
  Object.defineProperty(process, "pid", { value: pid, enumerable: true, configurable: true });
  process.argv = [process.execPath, start, ...words];
  process.execArgv = [...NODE_FLAGS];
  // Node has V8 forget the time zone that it knows when the variable is set.
  if (process.env.TZ !== undefined) process.env.TZ = String(process.env.TZ);
  Math.random = random;
  ignoreHangup();
  endByItself(addon);
  return words;
}

/** V8's begins with what was drawn before it was frozen, and would go on alike in all processes. */
function random(): number {
  const { randomFillSync } = process.getBuiltinModule("node:crypto");
  const [high = 0, low = 0] = randomFillSync(new Uint32Array(2));
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
}

/** Node's own way to end waits for threads that were not frozen. */
function endByItself(addon: Addon): void {
  const exiting = process as unknown as { reallyExit(code: number): never };
  exiting.reallyExit = (code) => addon.leave(code);
  process.on("beforeExit", () => process.exit());
  process.on("uncaughtException", (error) => {
    const { inspect } = process.getBuiltinModule("node:util");
    writeSync(2, `Uncaught:\n${inspect(error)}\n\nNode.js ${process.version}\n`);
    process.exit(1);
  });
}

const SPEAK_TLS: ReadonlySet<string> = new Set(["node:https", "node:tls"]);

/**
 * `require` with the certificates of NODE_EXTRA_CA_CERTS, which Node reads as it starts, for what
 * speaks TLS. Such modules are asked for when they are first used.
 */
export function withCertificates(require: (id: string) => unknown): (id: string) => unknown {
  let known = false;
  return (id) => {
    if (SPEAK_TLS.has(id) && !known) {
      known = true;
      addCertificates(process.env.NODE_EXTRA_CA_CERTS);
    }
    return require(id);
  };
}

function addCertificates(path: string | undefined): void {
  if (path === undefined || path === "") return;
  const tls = process.getBuiltinModule("node:tls");
  const { readFileSync } = process.getBuiltinModule("node:fs");
  try {
    tls.setDefaultCACertificates([...tls.getCACertificates("default"), readFileSync(path, "utf8")]);
  } catch (error) {
    // As Node says it, and goes on without.
    const reason = (error as Error).message;
    process.emitWarning(`Ignoring extra certs from \`${path}\`, load failed: ${reason}`);
  }
}
