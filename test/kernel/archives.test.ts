// Archives and images of containers, beside what others make of them: GNU tar's view of the mounted
// root, and umoci's of a committed image.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { tar } from "../images/tar.ts";
import { Bench, shellImage } from "./engine-bench.ts";

const NACRE = fileURLToPath(new URL("../../cli/bin/nacre", import.meta.url));

const isRoot = process.getuid?.() === 0;
const has = (tool: string): boolean => {
  try {
    execFileSync("sh", ["-c", `command -v ${tool}`]);
    return true;
  } catch {
    return false;
  }
};

/** One of each kind, with what a copy may lose: links, holes, attributes, odd modes, long names. */
const MAKE = [
  "mkdir -p /made/deep && chmod 1777 /made",
  "echo text >/made/file && chown 7:8 /made/file && chmod 4711 /made/file",
  "ln /made/file /made/deep/twin",
  "ln -s /nowhere /made/link && mkfifo /made/pipe && mknod /made/null c 1 3",
  `echo long >/made/${"n".repeat(120)}`,
  "dd if=/dev/zero of=/made/holes bs=1 count=1 seek=1000000 2>/dev/null",
  "rm -r /old && mkdir /old && echo new >/old/new && rm /gone",
].join("\n");

/** What is in a tar, by GNU tar, without what others mount there. */
function listing(tar: Uint8Array | string, ...more: string[]): string[] {
  const options = ["--numeric-owner", "--full-time", "--utc", "-tvf"];
  const file = typeof tar === "string" ? [tar] : ["-"];
  const input = typeof tar === "string" ? undefined : tar;
  const text = execFileSync("tar", [...options, ...file, ...more], { input, encoding: "utf8" });
  return text
    .trimEnd()
    .split("\n")
    .map((line) =>
      line
        .replace(/ +/g, " ")
        .replace(/ \.\//, " ")
        .replace(/\/\.\//, "/"),
    )
    .filter((line) => !/ (dev|proc|sys|etc\/(hosts|hostname|resolv\.conf))(\/|$)/.test(line))
    .filter((line) => !/ \.?\/?$/.test(line));
}

/** A tool's view need not tell which name of a file comes first. */
const withoutLinks = (lines: readonly string[]): string[] =>
  lines
    .map((line) => (/^h/.test(line) ? `-${line.slice(1).replace(/ link to .*/, "")}` : line))
    .map((line) => line.replace(/^(-\S+ \S+) \d+ /, "$1 "))
    .sort();

// Containers need root.
describe.runIf(isRoot)("archives of containers", () => {
  let bench: Bench;
  let image: string;
  beforeAll(async () => {
    bench = await Bench.make();
    const lower = tar([
      { name: "old/file", content: "old\n" },
      { name: "gone", content: "gone\n" },
    ]);
    image = bench.add("archives", shellImage({ layers: [{ tar: lower }] })).name;
    await bench.does(["pull", "-q", image]);
  });
  afterAll(() => bench?.[Symbol.asyncDispose]());
  afterEach(async () => {
    const all = (await bench.does(["ps", "-aq"])).split("\n").filter((id) => id !== "");
    if (all.length > 0) await bench.does(["rm", "-f", ...all]);
  });

  const start = (name: string, script: string) =>
    bench.does([
      ...["run", "-d", "--network", "none", "--name", name, image, "sh", "-c"],
      `${script}\necho ready; while :; do sleep 1; done`,
    ]);
  const ready = (name: string) =>
    expect.poll(() => bench.does(["logs", name]), { timeout: 20_000 }).toContain("ready");
  const exported = async (name: string): Promise<string> => {
    const path = join(bench.base, `${name}.tar`);
    await bench.does(["export", "-o", path, name]);
    return path;
  };

  it("hold what GNU tar finds in the mounted root", async () => {
    await start("whole", MAKE);
    await ready("whole");
    const pid = await bench.does(["inspect", "--format", "{{.State.Pid}}", "whole"]);
    const options = ["--one-file-system", "--sort=name", "--format=pax", "-C", `/proc/${pid}/root`];
    const oracle = execFileSync("tar", [...options, "-c", "."], { maxBuffer: 1 << 28 });
    const ours = listing(await exported("whole"));
    expect(withoutLinks(ours)).toEqual(withoutLinks(listing(oracle)));
    expect(ours.filter((line) => / link to /.test(line)).length).toBeGreaterThan(0);
    expect(ours.length).toBeGreaterThan(10);
  });

  it("pass through a pipe whose reader is slow, or goes", async () => {
    await start("piped", "dd if=/dev/urandom of=/big bs=1M count=8 2>/dev/null");
    await ready("piped");
    const nacre = (tail: string) =>
      execFileSync(
        "bash",
        [
          "-c",
          `set -o pipefail ; "$0" "$@" | ${tail}`,
          NACRE,
          "--root",
          bench.root,
          "export",
          "piped",
        ],
        {
          encoding: "utf8",
        },
      ).trim();
    const whole = readFileSync(await exported("piped")).length;
    expect(Number(nacre("(sleep 0.3; wc -c)"))).toBe(whole);
    expect(() => nacre("head -c 10 >/dev/null")).toThrow();
  });

  it("become an image again, plain or compressed, by a file or a pipe", async () => {
    await start("source", "echo kept >/kept");
    await ready("source");
    const path = await exported("source");
    execFileSync("gzip", ["-k", path]);
    const plain = await bench.does(["import", path, "again:plain"], {
      environment: { SOURCE_DATE_EPOCH: "0" },
    });
    const gzip = await bench.does(
      ["import", "-m", `Imported from ${path}`, `${path}.gz`, "again:gzip"],
      {
        environment: { SOURCE_DATE_EPOCH: "0" },
      },
    );
    expect(gzip).toBe(plain);
    expect(
      await bench.does(["run", "--rm", "--network", "none", "again:gzip", "cat", "/kept"]),
    ).toBe("kept");
    await bench.does(["rmi", "again:plain", "again:gzip"]);
  });

  // The oracle: without it there is nothing to hold the layer to.
  it.runIf(has("umoci") && has("skopeo"))(
    "are committed as an image that others unpack to the same root",
    async () => {
      await start("committed", MAKE);
      await ready("committed");
      const id = await bench.does(["commit", "-m", "a fix", "committed", "fixed:1"]);
      const layout = layoutOf(bench, await manifestOf(bench, "fixed:1"));
      execFileSync("skopeo", ["copy", "-q", `oci:${layout}:x`, `oci:${layout}-copy:x`]);
      const config = JSON.parse(
        execFileSync("skopeo", ["inspect", "--config", `oci:${layout}-copy:x`], {
          encoding: "utf8",
        }),
      );
      expect(config.history.at(-1)).toMatchObject({ comment: "a fix" });
      const bundle = join(bench.base, "bundle");
      execFileSync("umoci", ["unpack", "--image", `${layout}-copy:x`, bundle], { stdio: "pipe" });
      const theirs = execFileSync(
        "tar",
        ["--sort=name", "--format=pax", "-C", join(bundle, "rootfs"), "-c", "."],
        { maxBuffer: 1 << 28 },
      );
      const ours = listing(await exported("committed"));
      expect(withoutLinks(listing(theirs))).toEqual(withoutLinks(ours));
      expect(
        await bench.does(["run", "--rm", "--network", "none", id, "cat", "/made/deep/twin"]),
      ).toBe("text");
      await bench.does(["rmi", "fixed:1"]);
    },
  );

  it("are counted by system df to the byte", async () => {
    await start("counted", "echo x >/x");
    await ready("counted");
    await bench.does(["commit", "counted", "counted:1"]);
    const sizes = execFileSync(
      "find",
      [
        ...["blobs", "layers", "snapshots"].map((one) => join(bench.root, one)),
        "-type",
        "f",
        "!",
        "-name",
        "*.idx",
        "-printf",
        "%s\n",
      ],
      { encoding: "utf8" },
    );
    const total = sizes
      .trim()
      .split("\n")
      .reduce((sum, size) => sum + Number(size), 0);
    const engine = await bench.engine();
    try {
      expect((await engine.system.diskUsage()).imageBytes).toBe(total);
    } finally {
      await engine[Symbol.asyncDispose]();
    }
    expect(await bench.does(["system", "df"])).toMatch(/Containers +1 +1 +2B/);
    await bench.does(["rmi", "counted:1"]);
  });
});

async function manifestOf(bench: Bench, image: string): Promise<string> {
  const engine = await bench.engine();
  try {
    return engine.images.get(image).image.manifestDigest;
  } finally {
    await engine[Symbol.asyncDispose]();
  }
}

/** The store's blobs as an OCI image layout with one image, `x`. */
function layoutOf(bench: Bench, digest: string): string {
  const layout = join(bench.base, "layout");
  mkdirSync(layout);
  symlinkSync(join(bench.root, "blobs"), join(layout, "blobs"));
  writeFileSync(join(layout, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  const size = readFileSync(join(layout, "blobs", digest.replace(":", "/"))).length;
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const annotations = { "org.opencontainers.image.ref.name": "x" };
  const manifests = [{ mediaType, digest, size, annotations }];
  writeFileSync(join(layout, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
  return layout;
}
