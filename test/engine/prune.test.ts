// What a prune of everything takes, what it says of that, and what it is asked by.

import { NacreError } from "@nacre/core/error.ts";
import { expect, it } from "vitest";
import { type SimulateOptions, simulate, tools } from "../../cli/simulated.ts";

const IMAGES: NonNullable<SimulateOptions["images"]> = {
  base: { layers: [{ ...tools }], files: { "/base": "1\n" } },
  "own:1": { layers: [{ ...tools }], files: { "/own": "1\n" }, labels: { ci: "yes" } },
  "own:2": { layers: [{ ...tools }], files: { "/own": "2\n" } },
};

async function refusal(work: Promise<unknown>): Promise<NacreError> {
  const error = await work.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(NacreError);
  return error as NacreError;
}

it("tells of what has gone, and of nothing twice, nor of what a container needs", async () => {
  await using simulation = await simulate({ images: IMAGES });
  const { images, containers, system } = simulation.engine;
  for (const name of Object.keys(IMAGES)) await images.pull(name);
  // While a call is waited for an hour of sleep is nothing.
  const command = ["sh", "-c", "while :; do sleep 1000; done"];
  await containers.run({ image: "base", name: "kept", command, detached: true });
  const kept = images.get("base").image;
  const going = ["own:1", "own:2"].map((name) => images.get(name).image);
  const pruned = await system.prune({ all: true });
  expect(pruned.untagged.toSorted()).toEqual([
    "docker.io/library/own:1",
    "docker.io/library/own:2",
  ]);
  const shared = kept.config.rootfs.diff_ids;
  const own = going.flatMap(({ id, config }) => [
    id,
    ...config.rootfs.diff_ids.filter((diffId) => !shared.includes(diffId)),
  ]);
  expect(pruned.images.toSorted()).toEqual(own.toSorted());
  expect(going[0]?.config.rootfs.diff_ids.some((one) => shared.includes(one))).toBe(true);
  expect((await system.prune({ all: true })).images).toEqual([]);
  await containers.remove("kept", { force: true });
  const rest = await system.prune({ all: true });
  expect(rest.images.toSorted()).toEqual([kept.id, ...shared].toSorted());
});

it("takes what has the labels, and what is older than a time", async () => {
  await using simulation = await simulate({ images: IMAGES });
  const { images, containers, system, volumes } = simulation.engine;
  for (const name of Object.keys(IMAGES)) await images.pull(name);
  const create = (name: string, labels = {}) =>
    containers.create({ image: "base", command: ["true"], name, labels });
  const first = await create("first", { ci: "yes" });
  await create("second");
  const anonymous = { type: "volume", target: "/x", readOnly: false } as const;
  await containers.create({ image: "base", command: ["true"], name: "third", mounts: [anonymous] });
  await containers.remove("third");
  const byLabel = { all: true, volumes: true, filters: { label: ["ci=yes"] } };
  const labelled = await system.prune(byLabel);
  expect(labelled).toMatchObject({ containers: [first.id], volumes: [] });
  expect(labelled.untagged).toEqual(["docker.io/library/own:1"]);
  await create("third", { keep: "" });
  const names = () => containers.list({ all: true }).map(({ name }) => name);
  const createdMs = containers.get("second").createdMs;
  await system.prune({ untilMs: createdMs });
  expect(names()).toEqual(["third", "second"]);
  await system.prune({ untilMs: createdMs + 3_600_000, filters: { "label!": ["keep"] } });
  expect(names()).toEqual(["third"]);
  expect(await volumes.list()).toHaveLength(1);
});

it("is refused before anything goes where a filter says nothing", async () => {
  await using simulation = await simulate({ images: IMAGES });
  const { containers, system } = simulation.engine;
  await containers.create({ image: "base", command: ["true"], name: "ended" });
  const unknown = await refusal(system.prune({ filters: { colour: ["red"] } }));
  expect(unknown).toMatchObject({ kind: "invalid", message: "invalid filter 'colour'" });
  const both = await refusal(system.prune({ untilMs: 1e15, volumes: true }));
  expect(both.message).toContain('The "until" filter is not supported with "--volumes"');
  expect(containers.list({ all: true })).toHaveLength(1);
});

it("refuses filters that say nothing, though there is nothing to filter", async () => {
  await using simulation = await simulate({ images: IMAGES });
  const { containers, volumes, system, images } = simulation.engine;
  const advice = "There are dangling, until, label, label!.";
  expect(await refusal(images.prune({ filters: { stat: ["x"] } }))).toMatchObject({ advice });
  expect(() => images.list({ filters: { stat: ["x"] } })).toThrow(
    expect.objectContaining({
      advice: "There are reference, until, dangling, label, label!, before, since.",
    }),
  );
  for (const filters of [
    { stat: ["x"] },
    { status: ["bogus"] },
    { health: ["so-so"] },
    { exited: ["x"] },
    { "is-task": ["maybe"] },
  ]) {
    expect(() => containers.list({ filters })).toThrow("invalid filter");
  }
  expect(() => containers.list({ filters: { before: ["nobody"] } })).toThrow("no such container");
  expect((await refusal(containers.prune({ filters: { stat: ["x"] } }))).kind).toBe("invalid");
  expect(
    (await refusal(volumes.list({ colour: ["red"] } as Parameters<typeof volumes.list>[0]))).kind,
  ).toBe("invalid");
  expect((await refusal(volumes.list({ dangling: ["maybe"] }))).kind).toBe("invalid");
  expect((await refusal(system.prune({ filters: { stat: ["x"] } }))).kind).toBe("invalid");
});
