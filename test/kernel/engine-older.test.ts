// The ways of older kernels, gone on this one: NACRE_ASSUME_KERNEL. That older kernels really take
// them is for `npm run test:vm` to show.

import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tar } from "../images/tar.ts";
import { Bench, shellImage } from "./engine-bench.ts";

let bench: Bench;
let image: string;
beforeAll(async () => {
  bench = await Bench.make();
  const layers = Array.from({ length: 3 }, (_, n) => ({
    tar: tar([
      { name: "top", content: String(n) },
      { name: `own/${n}`, content: "x".repeat(2000) },
    ]),
  }));
  image = bench.add("layered", shellImage({ layers })).name;
  await bench.does(["pull", "-q", image]);
  await bench.nacre(["run", "--rm", image, "true"]); // says once that there is no network
});
afterAll(() => bench[Symbol.asyncDispose]());

/** Loop devices over files of the bench. */
const loops = () =>
  readdirSync("/sys/block").filter((name) => {
    try {
      const file = readFileSync(`/sys/block/${name}/loop/backing_file`, "utf8");
      return file.startsWith(bench.base);
    } catch {
      return false;
    }
  }).length;

describe.each([
  ["6.12", "erofs", 5],
  ["6.6", "erofs", 5],
  ["6.1", "directory", 0],
  ["5.12", "directory", 0],
])("as on Linux %s", (release, snapshotter, devices) => {
  const environment = { NACRE_ASSUME_KERNEL: release };
  const does = (...words: string[]) => bench.does(words, { environment });

  it(`containers live on ${snapshotter}, and leave nothing`, async () => {
    expect(await does("info", "-f", "{{.Driver}} {{.KernelVersion}}")).toBe(
      `${snapshotter} ${release}`,
    );
    await does("pull", "-q", image);
    await bench.unchanged(async () => {
      const look = "cat /top; ls /own | tr -d '\\n'; wc -c < /own/0; echo new > /top; cat /top";
      expect(await does("run", "--rm", image, "sh", "-c", look)).toBe("20122000\nnew");
      const id = await does("run", "-d", image, "sleep", "60");
      // Those of a mount before may be let go a moment later.
      await bench.until(() => loops() === devices);
      expect(await does("exec", id, "cat", "/top")).toBe("2");
      // The devices are the mount's, and the mount is everybody's.
      expect(await does("run", "--rm", image, "cat", "/top")).toBe("2");
      await bench.until(() => loops() === devices);
      await does("rm", "-f", id);
      await bench.until(() => loops() === 0);
    });
  });

  it("the machine's own root is kept", async () => {
    await bench.unchanged(async () => {
      const script = "rm -rf /etc; test ! -e /etc/passwd && echo gone";
      expect(await does("run", "--rm", "host", "sh", "-c", script)).toBe("gone");
      expect(readFileSync("/etc/passwd", "utf8")).toContain("root");
    });
  });

  it("the program says how it mounts", async () => {
    const text = await does("explain", "run", image, "true");
    expect(text.includes("through a loop device")).toBe(snapshotter === "erofs");
    expect(text.includes("ioctl(LOOP_CONFIGURE)")).toBe(snapshotter === "erofs");
    expect(text.includes("all options in one call")).toBe(release !== "6.12");
  });
});

it("a kernel without what containers need is named, with the one that has it", async () => {
  for (const release of ["5.10.0-30-amd64", "4.18.0-553.el8"]) {
    const environment = { NACRE_ASSUME_KERNEL: release };
    const words = ["run", "--rm", "host", "true"];
    const { code, stderr } = await bench.unchanged(() => bench.nacre(words, { environment }));
    expect(code).toBe(125);
    expect(stderr).toContain(`kernel ${release} is too old: containers need Linux 5.12 or newer`);
  }
});
