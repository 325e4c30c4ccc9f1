// Which bundles the commands read that people wait for most. One that joins a list here is paid by
// every call: see scripts/steps/bundle-groups.ts, and docs/decisions/0013-start-up.md for the price.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bundlesRead } from "../cli/bundles-read.ts";
import { temporaryDirectory } from "../contract/temporary.ts";
import { Bench } from "./engine-bench.ts";
import { OciBench } from "./oci-bench.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.make();
  await bench.does(["pull", "-q", bench.name()]);
  await bench.does([
    "run",
    "-d",
    "--network",
    "none",
    "--name",
    "seen",
    bench.name(),
    "sleep",
    "9999",
  ]);
});
afterAll(async () => {
  await bench.does(["rm", "-f", "seen"]);
  await bench[Symbol.asyncDispose]();
});

const read = (...words: string[]): string[] => bundlesRead("--root", bench.root, ...words);

it("reads what plans a container for commands that execute something", () => {
  const exec = ["nacre", "entering", "engine", "executing"];
  expect(read("exec", "seen", "true").sort()).toEqual(exec.sort());
  const running = [...exec, "running", "images", "planning", "undoing", "ending"];
  const image = bench.name();
  expect(read("run", "--rm", "--network", "none", image, "true").sort()).toEqual(running.sort());
  expect(read("run", "--rm", "--network", "none", image, "true").at(-1)).toBe("ending");
});

it("reads no plans for looks at containers", () => {
  const listing = ["nacre", "acting", "engine"];
  expect(read("ps", "-a").sort()).toEqual(listing.sort());
  expect(read("inspect", "seen").sort()).toEqual([...listing, "looking"].sort());
});

it("reads no plans for the end of a container", () => {
  const ending = ["nacre", "acting", "engine", "ending", "undoing"];
  expect(read("stop", "-t", "0", "seen").sort()).toEqual(ending.sort());
});

it("reads nothing that plans a container or stores a layer for a build that is cached", () => {
  const context = temporaryDirectory();
  writeFileSync(join(context, "a"), "a");
  const build = (...lines: string[]): string[] => {
    const text = [`FROM ${bench.name()}`, "RUN echo hello", "ENV A=b", "RUN echo $A", ...lines];
    writeFileSync(join(context, "Dockerfile"), text.join("\n"));
    read("build", "-q", context);
    return read("build", "-q", context);
  };
  const cached = ["nacre", "building", "engine", "builds", "images", "making"];
  expect(build("RUN true").sort()).toEqual(cached.sort());
  const copy = ["USER user", "WORKDIR /w", "COPY --chown=user a .", "CMD true"];
  expect(build(...copy).sort()).toEqual([...cached, "steps", "archives", "layers"].sort());
  const changed = [`FROM ${bench.name()}`, "RUN echo hello", `RUN echo ${Date.now()}`];
  writeFileSync(join(context, "Dockerfile"), changed.join("\n"));
  // What makes a step, and nothing of what is seldom used.
  const made = ["steps", "executing", "planning", "layers", "undoing", "archives", "ending"];
  expect(read("build", "-q", context).sort()).toEqual([...cached, ...made].sort());
});

it("reads plans for the steps of an OCI container that have some, and nothing else for the rest", () => {
  using oci = new OciBench();
  const bundle = oci.bundle("sleep 1000");
  const id = oci.id();
  const step = (...words: string[]): string[] => bundlesRead("oci", "--root", oci.root, ...words);
  try {
    expect(step("--version")).toEqual(["oci"]);
    expect(step("create", "-b", bundle, id)).toEqual(["oci", "oci-making"]);
    expect(step("state", id)).toEqual(["oci"]);
    expect(step("start", id)).toEqual(["oci", "oci-starting"]);
    expect(step("exec", id, "true")).toEqual(["oci", "oci-making"]);
    expect(step("kill", id, "KILL")).toEqual(["oci"]);
  } finally {
    expect(step("delete", "--force", id)).toEqual(["oci", "oci-removing"]);
  }
  const whole = ["oci", "oci-making", "oci-starting", "oci-removing"];
  expect(step("run", "-b", oci.bundle("true"), id)).toEqual(whole);
});
