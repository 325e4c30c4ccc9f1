// What comes and goes with a container on its machine: the file with its process's number, its
// image; part of engineContract.

import { expect, it } from "vitest";
import { type Bench, refusal } from "./engine.ts";

const PIPES = { stdin: "pipe", stdout: "pipe", stderr: "pipe" } as const;
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
    expect((await bench().sh(LOOP, { timeoutMs: 200 })).code).toBe(255);
    expect((await bench().run(["true"], { timeoutMs: 60_000 })).code).toBe(0);
    const restart = { name: "on-failure", maximumRetries: 1 } as const;
    // Time enough to say so, also where the processors are busy.
    await bench().start("limited", `echo run; ${LOOP}`, { timeoutMs: 2000, restart });
    const ended = async () => {
      // On a simulated kernel time passes only while somebody waits.
      await containers.wait("limited");
      return containers.get("limited");
    };
    const twice = { restarts: 1, status: "exited", exitCode: 255 };
    await expect.poll(ended, PATIENCE).toMatchObject(twice);
    expect(await bench().logs("limited")).toEqual(["stdout run\n", "stdout run\n"]);
    expect(containers.inspect("limited").Config).toMatchObject({ Timeout: 2 });
    expect((await refusal(bench().run(["true"], { timeoutMs: -1 }))).kind).toBe("invalid");
  });

  it("ends with the first end of one that is started again, as docker's client does", async () => {
    const { containers } = bench();
    const restart = { name: "on-failure", maximumRetries: 2 } as const;
    const script = "echo x >> /runs; wc -l < /runs | tr -d ' '; exit 7";
    const once = { name: "again", restart, autoRemove: false };
    expect(await bench().sh(script, once)).toEqual({ code: 7, stdout: "1\n", stderr: "" });
    const ended = async () => {
      await containers.wait("again");
      return containers.get("again");
    };
    await expect.poll(ended, PATIENCE).toMatchObject({ restarts: 2, status: "exited" });
    expect((await bench().logs("again")).sort()).toEqual([1, 2, 3].map((n) => `stdout ${n}\n`));
    // Started again by somebody, it is no different.
    const started = await containers.start("again", PIPES, { detached: false });
    expect(await new Response(started.stdout).text()).toBe("4\n");
    expect(await started.exited).toBe(7);
    await expect.poll(ended, PATIENCE).toMatchObject({ restarts: 2, status: "exited" });
  });

  it("lets one rest that a signal of its caller has ended, whatever its policy", async () => {
    const { containers } = bench();
    const request = { name: "let", restart: { name: "always" } as const, autoRemove: false };
    const command = ["sh", "-c", `trap 'exit 5' INT; echo ready; ${LOOP}`];
    const { image } = bench().subject;
    const running = await containers.run({ image, command, ...request }, PIPES);
    await running.stdout?.getReader().read();
    running.signal(2);
    expect(await running.exited).toBe(5);
    expect(containers.get("let")).toMatchObject({ status: "exited", stopped: true });
    await containers.wait("let");
    expect(containers.get("let")).toMatchObject({ status: "exited", exitCode: 5 });
  });
}
