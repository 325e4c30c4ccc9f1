// Pipes of the addon, by what writes to them.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { webStream } from "@nacre/engine/containers/attached.ts";
import { loadAddon } from "@nacre/linux/addon.ts";
import { outletOf } from "@nacre/linux/launch.ts";
import { expect, it } from "vitest";
import { textOf } from "../../contract/kernel-bench.ts";
import { temporaryDirectory } from "../../contract/temporary.ts";

const ADDON = fileURLToPath(new URL("../../../backends/linux/dist/addon.node", import.meta.url));
const addon = loadAddon(ADDON);

/** A shell that writes to one; its exit status, or the signal that ended it. */
function written(script: string) {
  if (!addon) throw new TypeError("the addon was not built");
  const { descriptor, stream, handedOn } = outletOf("pipe", addon);
  const child = spawn("sh", ["-c", script], { stdio: ["ignore", descriptor, "ignore"] });
  handedOn?.();
  const ended = new Promise<number | string | null>((resolve) =>
    child.once("exit", (code, signal) => resolve(signal ?? code)),
  );
  return { bytes: stream!, ended };
}

it("carries all that is written, in order, to its end", async () => {
  const { bytes, ended } = written("seq 200000; sleep 0.1; echo end");
  const text = await textOf(bytes);
  expect(text).toBe(`${Array.from({ length: 200_000 }, (_, n) => `${n + 1}\n`).join("")}end\n`);
  expect(await ended).toBe(0);
});

it("has a writer wait for a reader that is slow", async () => {
  const { bytes, ended } = written("head -c 1000000 /dev/zero");
  const reader = webStream(bytes)!.getReader();
  await reader.read();
  const still = await Promise.race([ended, new Promise((r) => setTimeout(r, 200, "still"))]);
  expect(still).toBe("still");
  for (let next = await reader.read(); !next.done; ) next = await reader.read();
  expect(await ended).toBe(0);
});

it("ends a writer when nobody wants more", async () => {
  const { bytes, ended } = written("exec cat /dev/zero");
  for await (const _ of bytes) break;
  expect(await ended).toBe("SIGPIPE");
});

it("is left as a web stream, too, also while nothing comes", async () => {
  const { bytes, ended } = written("sleep 0.5; exec cat /dev/zero");
  const reader = webStream(bytes)!.getReader();
  const waiting = reader.read();
  await reader.cancel();
  expect(await waiting).toEqual({ value: undefined, done: true });
  expect(await ended).toBe("SIGPIPE");
});

it("gives who asks twice at once the earlier bytes first, and both an end", async () => {
  const seen = join(temporaryDirectory(), "seen");
  const { bytes, ended } = written(
    `echo one; while [ ! -e ${seen} ]; do sleep 0.01; done; echo two`,
  );
  const asked = bytes[Symbol.asyncIterator]();
  const all = [0, 1, 2, 3].map(() => asked.next());
  await all[0];
  writeFileSync(seen, "");
  const [one, two, ...none] = await Promise.all(all);
  expect([one, two].map((each) => String(each?.value))).toEqual(["one\n", "two\n"]);
  expect(none.map(({ done }) => done)).toEqual([true, true]);
  expect(await ended).toBe(0);
});

it("does not keep a process that reads nothing", () => {
  const script = `
    const module = { exports: {} };
    process.dlopen(module, ${JSON.stringify(ADDON)});
    const [descriptor, handle] = module.exports.openOutflow(() => {});
    require("node:fs").writeSync(descriptor, "x");
    globalThis.kept = handle;
  `;
  const out = execFileSync(process.execPath, ["-e", script], { timeout: 50_000, stdio: "pipe" });
  expect(String(out)).toBe("");
});

it("has a worker thread warn of no descriptor that it did not open", () => {
  const inWorker = `
    const module = { exports: {} };
    process.dlopen(module, ${JSON.stringify(ADDON)});
    const [descriptor, handle] = module.exports.openOutflow(() => {});
    module.exports.closeOutflow(handle);
    module.exports.closeOutflow(handle);
    try {
      require("node:fs").fstatSync(descriptor);
    } catch ({ code }) {
      console.log(code);
    }
  `;
  const script = `new (require("node:worker_threads").Worker)(${JSON.stringify(inWorker)}, { eval: true })`;
  const { stdout, stderr } = spawnSync(process.execPath, ["-e", script], { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(stdout).toBe("EBADF\n");
});

it("outlives the worker threads that loaded it, for its own threads are not done then", () => {
  const inWorker = `
    const module = { exports: {} };
    process.dlopen(module, ${JSON.stringify(ADDON)});
    module.exports.closeOutflow(module.exports.openOutflow(() => {})[1]);
  `;
  const script = `
    const { once } = require("node:events");
    const { Worker } = require("node:worker_threads");
    (async () => {
      for (let i = 0; i < 40; i++) {
        await once(new Worker(${JSON.stringify(inWorker)}, { eval: true }), "exit");
      }
      console.log("done");
    })();
  `;
  const { signal, stdout, stderr } = spawnSync(process.execPath, ["-e", script], {
    encoding: "utf8",
  });
  expect({ signal, stdout, stderr }).toEqual({ signal: null, stdout: "done\n", stderr: "" });
});
