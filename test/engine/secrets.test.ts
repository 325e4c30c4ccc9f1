// Secrets on the simulated kernel: what is on its disk, and what a machine that ends in between leaves.

import { describe, expect, it } from "vitest";
import { type SimulateOptions, type Simulation, simulate, tools } from "../../cli/simulated.ts";

const IMAGES: NonNullable<SimulateOptions["images"]> = { box: { command: ["sh"], files: tools } };
const SAYS = "open sesame";
const bytes = (text: string) => new TextEncoder().encode(text);

function disk({ kernel, engine }: Simulation) {
  const files = kernel.hostFiles();
  const secrets = `${engine.system.info().root}/secrets`;
  return { files, secrets, names: () => files.list(secrets).sort() };
}

const check = ({ engine }: Simulation) => engine.system.check({ digests: false, repair: false });

describe("a secret", () => {
  it("stands in a file for its owner alone, and goes with it", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const { secrets } = simulation.engine;
    const { id } = secrets.create("pw", bytes(SAYS), { labels: { a: "b" } });
    const there = disk(simulation);
    expect(there.names()).toEqual([id]);
    expect(there.files.status(there.secrets)?.mode).toBe(0o700);
    expect(there.files.status(`${there.secrets}/${id}`)).toMatchObject({ mode: 0o600, uid: 0 });
    expect(secrets.get("pw")).toMatchObject({ id, sizeBytes: SAYS.length, labels: { a: "b" } });
    expect(secrets.get(id.slice(0, 5)).name).toBe("pw");
    expect(() => secrets.get("")).toThrow("no such secret");
    expect((await check(simulation)).found).toEqual([]);
    secrets.remove("pw");
    expect(there.names()).toEqual([]);
  });

  it("that a killed process left without a record goes with the next change", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const { secrets } = simulation.engine;
    const { id } = secrets.create("pw", bytes(SAYS));
    const there = disk(simulation);
    there.files.replace(`${there.secrets}/stray`, SAYS);
    const { found } = await check(simulation);
    expect(found).toMatchObject([{ severity: "leftover", subject: `${there.secrets}/stray` }]);
    const other = secrets.create("other", bytes(SAYS));
    expect(there.names()).toEqual([id, other.id].sort());
  });

  it("that takes another one's place leaves no file of that", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const { secrets } = simulation.engine;
    secrets.create("pw", bytes("other"), { labels: { a: "b" } });
    expect(() => secrets.create("pw", bytes(SAYS))).toThrow("secret name in use");
    const { id } = secrets.create("pw", bytes(SAYS), { replace: true });
    expect(disk(simulation).names()).toEqual([id]);
    expect(secrets.list()).toMatchObject([{ id, labels: {} }]);
    expect(secrets.create("new", bytes(SAYS), { replace: true }).name).toBe("new");
    expect((await check(simulation)).found).toEqual([]);
  });

  it("whose file is lost is said to be, and can be made anew", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const { secrets, containers } = simulation.engine;
    const { id } = secrets.create("pw", bytes(SAYS));
    const there = disk(simulation);
    there.files.replace(`${there.secrets}/${id}`, "");
    expect((await check(simulation)).found).toMatchObject([
      { severity: "damage", subject: "secret pw", reason: "0 bytes instead of 11" },
    ]);
    const request = {
      ...{ image: "box", command: ["true"] },
      secrets: [{ source: "pw", type: "mount" as const }],
    };
    await expect(containers.create(request)).rejects.toThrow("what the secret pw says is lost");
    expect(containers.list({ all: true })).toEqual([]);
    secrets.remove("pw");
    secrets.create("pw", bytes(SAYS));
    expect((await containers.create(request)).secrets).toMatchObject([{ name: "pw", uid: 0 }]);
  });

  it("belongs in a container to its own users", async () => {
    await using simulation = await simulate({ images: IMAGES });
    simulation.engine.secrets.create("pw", bytes(SAYS));
    const idMaps = { uids: [{ containerID: 0, hostID: 100_000, size: 10 }] };
    const secrets = (uid: number) => [{ source: "pw", type: "mount" as const, uid, mode: 0o400 }];
    const script = "ls -ln /run/secrets/pw | awk '{print $3}'; cat /run/secrets/pw";
    const ran = await simulation.run("box", ["sh", "-c", script], {
      ...{ idMaps, secrets: secrets(7), user: "7" },
    });
    expect(ran).toMatchObject({ code: 0, stdout: `7\n${SAYS}` });
    const strange = simulation.run("box", ["true"], { idMaps, secrets: secrets(11) });
    await expect(strange).rejects.toThrow("ID 11 is not in the container's user namespace");
  });

  it("is copied for a container before it starts, and that copy goes with the container", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const { secrets, containers } = simulation.engine;
    const made = secrets.create("pw", bytes(SAYS));
    const request = {
      ...{ image: "box", command: ["cat", "/run/secrets/pw"], name: "kept" },
      secrets: [{ source: made.id, type: "mount" as const }],
    };
    const { id } = await containers.create(request);
    const there = disk(simulation);
    const copies = `${there.secrets.replace(/secrets$/, "containers")}/${id}/secrets`;
    expect(there.files.status(`${copies}/0`)?.mode).toBe(0o600);
    // As a creation leaves it that was killed before it had made it.
    await there.files.removeTree(copies);
    await (await containers.start("kept")).exited;
    expect(there.files.readText(`${copies}/0`)).toBe(SAYS);
    await there.files.removeTree(copies);
    secrets.remove("pw");
    secrets.create("pw", bytes("another"));
    await expect(containers.start("kept")).rejects.toThrow("has no copy of the secret pw");
    await containers.remove("kept");
    expect(there.files.status(copies)).toBeUndefined();
  });
});
