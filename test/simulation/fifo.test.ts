// Fifos as programs use them, which wait; and what waits for several things at once.

import { open, write } from "@nacre/simulated/descriptor-calls.ts";
import { makeNode } from "@nacre/simulated/file-calls.ts";
import { openProcess } from "@nacre/simulated/pidfd.ts";
import { POLL, pollFor } from "@nacre/simulated/poll.ts";
import type { Process } from "@nacre/simulated/process.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Simulation, simulate, tools } from "../../cli/simulated.ts";
import { CgroupMachine } from "./cgroup-machine.ts";

let simulation: Simulation;
beforeAll(async () => {
  simulation = await simulate({ images: { box: { files: tools } } });
});
afterAll(() => simulation[Symbol.asyncDispose]());

describe("a fifo between commands of a shell", () => {
  it.each([
    ["a reader that comes first", "cat p & echo hello > p; wait", "hello\n"],
    ["a writer that comes first", "echo hello > p & cat p; wait", "hello\n"],
    ["several writers", "cat p & { echo a; echo b; } > p; wait", "a\nb\n"],
    ["more than it holds", "seq 1 30000 > p & tail -n 1 < p; wait", "30000\n"],
    ["a writer that writes nothing", ": > p & cat p; echo end; wait", "end\n"],
    [
      "a writer that is killed",
      "sleep 99 > p & w=$!; cat p & sleep 1; kill $w; wait; echo end",
      "end\n",
    ],
    [
      "a reader that is killed, and leaves what comes to others",
      "exec 3<>p; cat <&3 & sleep 1; kill $!; wait; echo kept >&3; head -n 1 <&3",
      "kept\n",
    ],
    ["a reader that has enough", "yes > p & head -n 1 < p; wait $!; echo $?", "y\n141\n"],
  ])("%s", async (_name, script, printed) => {
    const { stdout, stderr } = await simulation.run("box", ["sh", "-c", `mkfifo p; ${script}`]);
    expect({ stdout, stderr }).toEqual({ stdout: printed, stderr: "" });
  });

  it("keeps who opens it waiting for the other end", async () => {
    const script = "mkfifo p; echo never > p";
    const { code } = await simulation.run("box", ["timeout", "5", "sh", "-c", script]);
    expect(code).toBe(124);
  });
});

describe("poll with time", () => {
  const start = async () => {
    const machine = new CgroupMachine();
    await machine.start(({ sleep }) => sleep(500));
    const all = machine.kernel.machine.processes.all();
    return {
      clock: machine.clock,
      kernel: machine.kernel.machine,
      self: all[0] as Process,
      child: all.at(-1) as Process,
    };
  };

  it("waits for a process to end", async () => {
    const { clock, kernel, self, child } = await start();
    const descriptor = openProcess(kernel, self, child.pid);
    const ended = pollFor(kernel, self, [{ descriptor, events: POLL.IN }], 60_000);
    await clock.advance(499);
    await expect(Promise.race([ended, "waits"])).resolves.toBe("waits");
    await clock.advance(1);
    const [found = 0] = await ended;
    expect(found & POLL.IN).toBe(POLL.IN);
  });

  it("comes back when it has waited long enough", async () => {
    const { clock, kernel, self, child } = await start();
    const descriptor = openProcess(kernel, self, child.pid);
    const late = pollFor(kernel, self, [{ descriptor, events: POLL.IN }], 100);
    await clock.advance(100);
    expect(await late).toEqual([0]);
  });

  it("waits for somebody to write into a fifo", async () => {
    const { clock, kernel, self } = await start();
    makeNode(self, "/tmp/p", "fifo", 0o600, undefined);
    const reader = open(self, "/tmp/p", { read: true });
    const writer = open(self, "/tmp/p", { write: true });
    const requests = [reader, 99, -1].map((descriptor) => ({ descriptor, events: POLL.IN }));
    expect(await pollFor(kernel, self, requests, 0)).toEqual([0, POLL.NVAL, 0]);
    const there = pollFor(kernel, self, requests.slice(0, 1), Number.POSITIVE_INFINITY);
    await clock.advance(1000);
    write(kernel, self, writer, new TextEncoder().encode("x"));
    expect(await there).toEqual([POLL.IN]);
  });
});
