// `nacre/simulated`, as those use it who test code that starts containers.

import { firstValueFrom, take, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import {
  defineProgram,
  NacreError,
  type SimulateOptions,
  simulate,
  tools,
} from "../../../cli/simulated.ts";

const server = defineProgram(async ({ stdout, handle, sleep, exit }) => {
  let leaving = false;
  handle("TERM", () => {
    leaving = true;
  });
  await stdout.write("ready\n");
  while (!leaving) await sleep(100);
  await stdout.write("bye\n");
  exit(3);
});

const IMAGES: NonNullable<SimulateOptions["images"]> = {
  box: { files: { ...tools, "/etc/motd": "hello\n", "/app/server": server } },
  "registry.example/team/app:2": {
    layers: [{ "/data/a": "lower\n", "/data/b": "lower\n" }, { "/data/b": "upper\n" }],
    files: { "/bin/cat": tools["/bin/cat"]!, "/data/link": { link: "a" } },
    entrypoint: ["cat"],
    command: ["/data/a", "/data/b", "/data/link"],
  },
};

describe("a simulation", () => {
  it("runs images from literals: layers, files, links, programs, what the config says", async () => {
    await using simulation = await simulate({ images: IMAGES });
    expect(await simulation.run("box", ["cat", "/etc/motd"])).toEqual({
      code: 0,
      stdout: "hello\n",
      stderr: "",
    });
    const app = await simulation.run("registry.example/team/app:2");
    expect(app).toEqual({ code: 0, stdout: "lower\nupper\nlower\n", stderr: "" });
    await expect(simulation.run("nobody/has:it")).rejects.toMatchObject({ kind: "not-found" });
    expect(simulation.engine.images.list()).toHaveLength(2);
  });

  it("keeps a detached container that can be joined, read and stopped", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const { containers } = simulation.engine;
    const request = { image: "box", name: "web", command: ["/app/server"], detached: true };
    await containers.run(request);
    expect(
      (await simulation.exec("web", ["sh", "-c", "echo $$; cat /proc/1/cmdline"])).stdout,
    ).toBe("2\n/app/server\0");
    const before = simulation.nowMs();
    await containers.stop("web");
    expect(simulation.nowMs() - before).toBeLessThan(1000);
    expect(containers.get("web")).toMatchObject({ status: "exited", exitCode: 3 });
    const lines: string[] = [];
    for await (const { text } of containers.logs("web")) lines.push(text);
    expect(lines.join("")).toBe("ready\nbye\n");
    await containers.remove("web");
    expect(containers.list({ all: true })).toEqual([]);
  });

  it("takes no time over hours, and lets none pass while nobody waits", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const { containers } = simulation.engine;
    await containers.run({ image: "box", name: "slow", command: ["sleep", "2h"], detached: true });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(containers.get("slow").status).toBe("running");
    const before = simulation.nowMs();
    expect(await containers.wait("slow")).toBe(0);
    expect(simulation.nowMs() - before).toBeGreaterThanOrEqual(7_199_000);
  });

  it("stands still with manual time until it is told", async () => {
    await using simulation = await simulate({ images: IMAGES, time: "manual" });
    const { containers } = simulation.engine;
    const request = { image: "box", name: "slow", command: ["sleep", "10"], detached: true };
    await containers.run(request);
    await simulation.advance(9_000);
    expect(containers.get("slow").status).toBe("running");
    await simulation.advance(1_001);
    expect(containers.get("slow")).toMatchObject({ status: "exited", exitCode: 0 });
  });

  it("tells its events as they happen and as they happened", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const { events } = simulation.engine;
    const seen = firstValueFrom(events.pipe(take(6), toArray()));
    await simulation.run("box", ["true"], { name: "once" });
    expect((await seen).map(({ type }) => type)).toContain("image");
    expect((await history(simulation)).map(({ action }) => action)).toEqual(
      expect.arrayContaining(["pull", "create", "start", "die", "destroy"]),
    );
  });

  it("repeats a run to the last event for one seed, and not for another", async () => {
    const first = await eventful(7);
    expect(first.length).toBeGreaterThan(20);
    expect(await eventful(7)).toEqual(first);
    expect(await eventful(8)).not.toEqual(first);
  });

  it("fails on purpose and leaves nothing of what failed", async () => {
    const fault = { do: "fail", errno: "ENOSPC" } as const;
    const rules = [{ on: { section: "child", index: 3 }, fault } as const];
    await using simulation = await simulate({ images: IMAGES });
    await simulation.run("box", ["true"]);
    const before = simulation.kernel.state();
    simulation.kernel.injectFaults({ rules });
    const failure = await simulation.run("box", ["true"]).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(NacreError);
    expect(failure).toMatchObject({ kind: "no-space" });
    simulation.kernel.injectFaults(undefined);
    expect(simulation.kernel.state()).toEqual(before);
    expect((await simulation.run("box", ["true"])).code).toBe(0);
  });
});

type Simulated = Awaited<ReturnType<typeof simulate>>;

async function history({ engine }: Simulated) {
  const found = [];
  for await (const event of engine.history()) found.push(event);
  return found;
}

/** Containers that live side by side, some of which fail to start: all that was recorded. */
async function eventful(seed: number) {
  const random = { seed, probability: 0.002, errnos: ["EIO", "ENOMEM"] } as const;
  await using simulation = await simulate({ images: IMAGES, seed, faults: { random } });
  const { containers } = simulation.engine;
  const script = "for i in 1 2 3; do sleep 0.$RANDOM; echo $i; done; mktemp";
  const outcomes = await Promise.all(
    [1, 2, 3, 4, 5].map((number) =>
      containers
        .run({ image: "box", command: ["sh", "-c", script], name: `c${number}` })
        .then(({ exited }) => exited)
        .catch((error: NacreError) => error.kind),
    ),
  );
  for (const { id } of containers.list({ all: true })) await containers.remove(id).catch(() => {});
  return [...outcomes, simulation.nowMs(), ...(await history(simulation))];
}
