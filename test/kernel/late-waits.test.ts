// Waits that are over before it could be written down that somebody waits: on a machine that is busy
// the command which follows such a wait finds nothing to do, and nobody else would come.

import { join } from "node:path";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { Engine } from "@nacre/engine/engine.ts";
import { SqliteStateStore } from "@nacre/linux/state-store.ts";
import { describe, expect, it } from "vitest";
import { benchForTests } from "./engine-bench.ts";
import { wrappedEngine } from "./wrapped-engine.ts";

const bench = benchForTests();

/** A kernel that tells of its first wait only when that, and what it leads to, is over. */
function lateOnce(kernel: Kernel): Kernel {
  let isLate = true;
  const execute: Kernel["execute"] = async (program, streams) => {
    const running = await kernel.execute(program, streams);
    if (!isLate || !program.title.startsWith("wait ")) return running;
    isLate = false;
    // The command that it leads to is started by its supervisor, which that outlives.
    const { process, supervisor } = running;
    await bench.until(() => !kernel.alive(process) && !kernel.alive(supervisor));
    await bench.until(() => bench.state().every((one) => !/ (health|settle) [0-9a-f]+/.test(one)));
    return running;
  };
  return new Proxy(kernel, {
    get(target, name) {
      if (name === "execute") return execute;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

const late = (): Engine => wrappedEngine(bench.root, { kernel: lateOnce });

/** Records as they are: a look at a container would see to it that it goes on. */
function recordOf(id: string) {
  const store = new SqliteStateStore(join(bench.root, "state.db"));
  try {
    return store.read((t) => t.get("container", id));
  } finally {
    store.close();
  }
}

describe("a wait that is over before it is written down", () => {
  it("is followed by a check of the container's health", async () => {
    await bench.unchanged(async () => {
      await using engine = late();
      const health = { test: ["CMD", "true"], intervalMs: 20 };
      const command = ["sleep", "1000"];
      const request = { image: bench.name(), command, health, detached: true };
      const { container } = await engine.containers.run(request);
      await bench.until(() => recordOf(container.id)?.health?.status === "healthy");
      await engine.containers.remove(container.id, { force: true });
    });
  });

  it("is followed by the start of a container that is to be started again", async () => {
    await bench.unchanged(async () => {
      await using engine = late();
      const restart = { name: "on-failure", maximumRetries: 1 } as const;
      const command = ["sh", "-c", "exit 7"];
      const running = await engine.containers.run({ image: bench.name(), command, restart });
      expect(await running.exited).toBe(7);
      const { id } = running.container;
      await bench.until(() => {
        const { status, restarts } = recordOf(id) ?? {};
        return status === "exited" && restarts === 1;
      });
      await engine.containers.remove(id);
    });
  });
});
