// What comes and goes with a container on its machine: the file with its process's number, its
// image; part of engineContract.

import { expect, it } from "vitest";
import { type Bench, refusal } from "./engine.ts";

const PATIENCE = { timeout: 20_000 };
const LOOP = "while :; do sleep 0.05; done";

export function withContainerCases(bench: () => Bench): void {
  it("writes the number of a container's process to a file, at every start", async () => {
    const { containers } = bench();
    const pidFile = `/tmp/nacre-pid-${Math.random().toString(36).slice(2)}`;
    const shown = {
      ...({ type: "bind", source: pidFile, target: "/pid", readOnly: true } as const),
      ...({ recursive: false, propagation: "private", mustExist: true } as const),
    };
    const written = async () => (await bench().sh("cat /pid", { mounts: [shown] })).stdout;
    await bench().start("numbered", LOOP, { pidFile });
    expect(await written()).toBe(String(containers.get("numbered").process?.pid));
    await containers.restart("numbered", { timeoutMs: 0 });
    expect(await written()).toBe(String(containers.get("numbered").process?.pid));
    expect(containers.inspect("numbered").PidFile).toBe(pidFile);
    const directory = { ...shown, source: "/tmp", target: "/x", readOnly: false };
    await bench().run(["rm", pidFile.replace("/tmp", "/x")], { mounts: [directory] });
  });

  it("does not start what it cannot write the number of", async () => {
    const failing = { pidFile: "/no/such/directory/pid", name: "unwritten" };
    expect((await refusal(bench().run(["true"], failing))).message).toContain("/no/such/directory");
    expect(bench().containers.list({ all: true })).toEqual([]);
    expect((await refusal(bench().run(["true"], { pidFile: "relative" }))).kind).toBe("invalid");
  });

  it("removes an image with its container, and only by the name that it was made from", async () => {
    const { images, containers } = bench().subject.engine;
    const tagged = () => images.list().flatMap(({ references }) => references).length;
    const before = tagged();
    const going = { image: "goes/with:it", removeImage: true };
    images.tag(bench().subject.image, going.image);
    expect((await bench().run(["true"], going)).code).toBe(0);
    expect(tagged()).toBe(before);
    images.tag(bench().subject.image, going.image);
    await bench().start("behind", LOOP, { ...going, autoRemove: true });
    expect(tagged()).toBe(before + 1);
    await containers.remove("behind", { force: true });
    expect(tagged()).toBe(before);
    expect((await bench().run(["true"])).code).toBe(0);
  });

  it("kills a container whose time is over, and starts it again where its policy says so", async () => {
    const { containers } = bench();
    expect((await bench().sh(LOOP, { timeoutMs: 200 })).code).toBe(137);
    expect((await bench().run(["true"], { timeoutMs: 60_000 })).code).toBe(0);
    const restart = { name: "on-failure", maximumRetries: 1 } as const;
    await bench().start("limited", `echo run; ${LOOP}`, { timeoutMs: 200, restart });
    const ended = async () => {
      // On a simulated kernel time passes only while somebody waits.
      await containers.wait("limited");
      return containers.get("limited");
    };
    const twice = { restarts: 1, status: "exited", exitCode: 137 };
    await expect.poll(ended, PATIENCE).toMatchObject(twice);
    expect(await bench().logs("limited")).toEqual(["stdout run\n", "stdout run\n"]);
    expect(containers.inspect("limited").Config).toMatchObject({ Timeout: 0.2 });
    expect((await refusal(bench().run(["true"], { timeoutMs: -1 }))).kind).toBe("invalid");
  });
}
