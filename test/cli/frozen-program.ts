// What frozen.test.ts freezes, and what it has the processes do that are made of it. By
// `freeze IMAGE` it freezes itself; by other words it acts, thawed or started as usual.

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { loadAddon } from "../../backends/linux/addon.ts";
import { writeImage } from "../../backends/linux/frozen/image.ts";
import { PLAIN } from "../../cli/frozen.ts";
import { ignoreHangup } from "../../cli/hangup.ts";
import { onSignals } from "../../cli/signal-listeners.ts";
import { freeze, thawed, withCertificates } from "../../cli/thawed.ts";
import { writeAll } from "../../cli/write-all.ts";

const say = (what: unknown): void => writeAll(1, `${JSON.stringify(what)}\n`);

const EMPTY_MODULE = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);

const descriptors = (): number[] =>
  readdirSync("/proc/self/fd")
    .map(Number)
    .filter((number) => number > 2)
    // What this look has opened is closed by now.
    .filter((number) => existsSync(`/proc/self/fdinfo/${number}`));

/** In how many GiB of its addresses the process has memory of its own. */
function regions(): number {
  const maps = readFileSync("/proc/self/maps", "utf8").matchAll(/^([\da-f]+)-\S+ rw-p/gm);
  return new Set([...maps].map(([, start]) => BigInt(`0x${start}`) >> 30n)).size;
}

const ACTS: Readonly<Record<string, (word?: string) => void>> = {
  tell: () =>
    say({
      words: process.argv.slice(2),
      ...{ pid: process.pid, isOwn: readlinkSync("/proc/self") === `${process.pid}` },
      ...{ directory: process.cwd(), environment: process.env },
      ...{ chance: [randomBytes(8).toString("hex"), Math.random()] },
      umask: process.umask(),
      ...{
        limit: /^Max open files +(\d+) +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")),
      },
      descriptors: descriptors(),
      hour: new Date(0).getHours(),
      regions: regions(),
    }),
  unfrozen: () => say(process.env.NACRE_UNFROZEN ?? "not told"),
  exit: (code) => process.exit(Number(code)),
  drain: () => {
    process.exitCode = 3;
    setTimeout(() => say("drained"), 10);
  },
  throw: () => {
    throw new Error("thrown");
  },
  reject: () => void Promise.reject(new Error("rejected")),
  echo: () => process.stdin.on("data", (bytes) => say(`${bytes}`)).on("end", () => say("end")),
  handle: () => {
    process.on("SIGTERM", () => process.exit(9));
    say("ready");
    setInterval(() => {}, 1000);
  },
  wait: () => {
    say("ready");
    setInterval(() => {}, 1000);
  },
  hangup: () => {
    let heard = 0;
    const awake = setInterval(() => {}, 1000);
    const leave = (): void => {
      clearInterval(awake);
      release();
      process.kill(process.pid, "SIGHUP");
      setTimeout(() => say({ heard, told: process.env.NACRE_NOHUP ?? "no more" }), 20);
    };
    // From the first on, which may take its time: the other comes with it, or not at all.
    const release = onSignals(["SIGHUP", "SIGUSR2"], () => {
      if (heard++ === 0) setTimeout(leave, 20);
    });
    for (const signal of ["SIGHUP", "SIGUSR2"]) process.kill(process.pid, signal);
  },
  quiet: () => {
    execFileSync("stty", ["-echo"], { stdio: "inherit" });
    writeAll(1, "ready");
    readSync(0, Buffer.alloc(8)); // nothing of JavaScript runs meanwhile
    process.kill(process.pid, "SIGTERM");
  },
  work: async () => {
    const kept: object[] = [];
    for (let i = 0; i < 1_000_000; i++) kept.push({ i, text: `${i}` });
    const blocks = Array.from({ length: 2000 }, (_, i) => Buffer.allocUnsafeSlow(i * 40).fill(1));
    const worker = new Worker("require('node:worker_threads').parentPort.postMessage(42)", {
      eval: true,
    });
    const answer = new Promise((resolve) => worker.once("message", resolve));
    say({
      kept: kept.length + blocks.length,
      child: execFileSync("echo", ["from a child"], { encoding: "utf8" }),
      file: (await readFile("/proc/self/comm", "utf8")).trim(),
      worker: await answer,
      wasm: WebAssembly.Module.exports(new WebAssembly.Module(EMPTY_MODULE)).length,
    });
  },
  certificates: () => {
    const tls = withCertificates(process.getBuiltinModule)("node:tls") as typeof import("node:tls");
    say(tls.getCACertificates("default").length - tls.getCACertificates("bundled").length);
  },
};

function act(words: readonly string[]): void {
  ACTS[words[0] as string]?.(words[1]);
}

const [, program = "", first, image = ""] = process.argv;
if (first === "freeze") {
  const addon = loadAddon(join(import.meta.dirname, "../../backends/linux/dist/addon.node"));
  if (!addon) throw new Error("there is no addon");
  process.cwd(); // what is remembered
  delete process.env.LD_PRELOAD;
  const answer = freeze(addon);
  const [pid] = answer;
  if (image === "-") {
    writeAll(1, `${pid}`);
    setInterval(() => {}, 1000);
  } else if (typeof pid === "number") {
    const file = openSync(image, "wx", 0o600);
    const registers = answer.slice(1) as bigint[];
    const watched = process.argv[4] as string;
    const common = { node: process.argv0, plain: PLAIN, files: [watched], seeded: process.pid };
    writeImage({ ...common, pid, registers }, file);
    closeSync(file);
    process.kill(pid, "SIGKILL");
  } else {
    act(thawed(addon, answer as string[], program));
  }
} else {
  writeAll(1, "as usual\n");
  ignoreHangup();
  act(process.argv.slice(2));
}
