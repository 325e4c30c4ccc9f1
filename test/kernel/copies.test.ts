// Copies in and out of containers that do not want it well: links that are swapped under the copy,
// engines that are killed in the middle of it, and what becomes of owners and modes.

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { contentsOf } from "../contract/engine-archives.ts";
import { tarOf } from "../contract/engine-files.ts";
import { benchForTests, NACRE, outcomeOf, parentOf } from "./engine-bench.ts";

const bench = benchForTests();

const COPIES = 150;

describe("a link that the container swaps for a directory, again and again", () => {
  it("never leads a copy out of the container", async () => {
    const outside = join(bench.base, "outside");
    mkdirSync(join(outside, "sub"), { recursive: true });
    writeFileSync(join(outside, "secret"), "of the machine");
    // In the container the link leads nowhere; outside of it, to that directory.
    const swap = `while :; do rm -rf /t; mkdir -p /t/sub; echo own >/t/secret; rm -rf /t; ln -s ${outside} /t; done`;
    await bench.unchanged(async () => {
      await bench.does(["run", "-d", "--name", "swaps", bench.name(), "sh", "-c", swap]);
      await using engine = await bench.engine();
      await using files = await engine.containers.files("swaps");
      const done = { into: 0, out: 0 };
      // Where the container gets little of the processors, one side can lose them all.
      for (let i = 0; i < COPIES || (i < 20 * COPIES && !(done.into && done.out)); i++) {
        const tar = tarOf({ path: "t/sub/planted", text: "x" }, { path: "t/planted", text: "x" });
        await files.write("/", tar).then(() => done.into++, noted);
        const read = contentsOf(files.read("/t/"));
        const found = await read.catch(noted);
        if (found) done.out++;
        expect(found?.text("t/secret") ?? "own\n").not.toContain("machine");
      }
      expect(done.into).toBeGreaterThan(0);
      expect(done.out).toBeGreaterThan(0);
      expect(readdirSync(outside, { recursive: true }).sort()).toEqual(["secret", "sub"]);
      await files[Symbol.asyncDispose]();
      await bench.does(["rm", "-f", "swaps"]);
    });
  });
});

/** The race was lost, which is fine: nothing was copied then. */
function noted(error: unknown): undefined {
  expect(error).toMatchObject({ name: "NacreError" });
  return undefined;
}

/** A copy into a container at rest that waits for the rest of its tar, with the root mounted. */
async function held(container: string) {
  const copying = bench.start(["cp", "-", `${container}:/`]);
  copying.stdin?.on("error", () => {});
  const cat = () => bench.state().find((one) => /^process: .*cat/.test(one));
  await bench.until(cat);
  return { copying, supervisor: parentOf(Number(/\d+/.exec(cat() ?? ""))) };
}

describe("a copy whose engine is killed", () => {
  it("leaves nothing behind, and the container can be started", async () => {
    await bench.does(["create", "--name", "rests", bench.name(), "cat", "/kept"]);
    await bench.does(["cp", "-q", "/etc/hostname", "rests:/kept"]);
    await bench.unchanged(async () => {
      const copying = bench.start(["cp", "-", "rests:/"]);
      copying.stdin?.on("error", () => {});
      // A tar that is not over: it waits for the rest, with the root mounted.
      copying.stdin?.write(Buffer.alloc(512 * 1024));
      const held = () => bench.state().some((one) => /^process: .*cat/.test(one));
      await bench.until(held);
      copying.kill("SIGKILL");
      await bench.until(() => !held());
    }, /copied\..*\.tmp$/);
    expect(await bench.does(["start", "-a", "rests"])).toBe(
      readFileSync("/etc/hostname", "utf8").trim(),
    );
    // What it had spooled goes with the next copy.
    await bench.does(["cp", "-q", "/etc/hostname", "rests:/kept"]);
    expect(bench.state().filter((one) => one.includes("copied."))).toEqual([]);
    await bench.does(["rm", "rests"]);
  });

  it("with its supervisor leaves the image mounted until the container is removed", async () => {
    await bench.unchanged(async () => {
      await bench.does(["create", "--name", "goes", bench.name()]);
      const { copying, supervisor } = await held("goes");
      process.kill(supervisor, "SIGKILL");
      copying.kill("SIGKILL");
      await bench.does(["rm", "goes"]);
    }, /^file: locks/);
  });

  it("leaves nothing where its supervisor alone was killed", async () => {
    await bench.does(["create", "--name", "half", bench.name()]);
    await bench.unchanged(async () => {
      const { copying, supervisor } = await held("half");
      const done = outcomeOf(copying);
      process.kill(supervisor, "SIGKILL");
      copying.stdin?.end();
      expect((await done).stderr).not.toContain("Uncaught");
    }, /^file: (locks|mounts|containers\/[^/]*\/work)/); // overlayfs leaves its own
    await bench.does(["rm", "half"]);
  });

  it("makes a start wait for as long as it lives, and no longer", async () => {
    await bench.does(["create", "--name", "waits", bench.name(), "true"]);
    const copying = bench.start(["cp", "-", "waits:/"]);
    copying.stdin?.on("error", () => {});
    await bench.until(() => bench.state().some((one) => /^process: .*cat/.test(one)));
    const starting = bench.nacre(["start", "-a", "waits"]);
    await sleep(300);
    expect(
      await bench.does(["ps", "-a", "--filter", "name=waits", "--format", "{{.State}}"]),
    ).not.toBe("exited");
    copying.kill("SIGKILL");
    expect((await starting).code).toBe(0);
    await bench.does(["rm", "waits"]);
  });
});

describe("what a copy keeps of a file", () => {
  it("is its owner by number, its mode and its time on the way in, its mode and time on the way out", async () => {
    const local = join(bench.base, "local");
    mkdirSync(join(local, "dir"), { recursive: true });
    writeFileSync(join(local, "dir/file"), "x");
    chownSync(join(local, "dir/file"), 7, 8);
    chmodSync(join(local, "dir/file"), 0o4751);
    utimesSync(join(local, "dir/file"), 1_500_000_000, 1_500_000_000);
    await bench.does(["run", "-d", "--name", "keeps", bench.name(), "sleep", "1000"]);
    await bench.does(["cp", join(local, "dir"), "keeps:/in"]);
    const stat = ["exec", "keeps", "stat", "-c", "%u:%g %a %Y", "/in/file"];
    expect(await bench.does(stat)).toBe("7:8 4751 1500000000");
    await bench.does(["cp", "keeps:/in", join(local, "out")]);
    const out = lstatSync(join(local, "out/file"));
    // Who copies owns it, and does not give its own powers with what was somebody else's.
    expect([out.uid, out.gid, out.mode & 0o7777, out.mtimeMs]).toEqual([0, 0, 0o751, 15e11]);
    await bench.does(["rm", "-f", "keeps"]);
  });

  it("is what GNU tar keeps: links, holes, devices, long names", async () => {
    const script = [
      "mkdir -p /m/deep; echo one >/m/file; ln /m/file /m/deep/twin; ln -s nowhere /m/link",
      `mkfifo /m/pipe; mknod -m 666 /m/null c 1 3; echo long >/m/${"n".repeat(200)}`,
      "dd if=/dev/zero of=/m/holes bs=1 count=1 seek=1000000 2>/dev/null; echo >/made; exec sleep 1000",
    ].join("; ");
    await bench.does(["run", "-d", "--name", "kinds", bench.name(), "sh", "-c", script]);
    const made = ["exec", "kinds", "test", "-e", "/made"];
    await bench.until(async () => (await bench.nacre(made)).code === 0);
    const listing = (name: string) => {
      const tar = execFileSync(
        "sh",
        [
          "-c",
          '"$0" --root "$1" cp "$2" - | tar -tv --numeric-owner',
          NACRE,
          bench.root,
          `${name}:/m`,
        ],
        { encoding: "utf8" },
      );
      return tar.trimEnd().split("\n");
    };
    const first = listing("kinds");
    expect(first).toHaveLength(9);
    await bench.does(["create", "--name", "again", bench.name(), "true"]);
    execFileSync("sh", [
      "-c",
      '"$0" --root "$1" cp kinds:/m - | "$0" --root "$1" cp - again:/',
      NACRE,
      bench.root,
    ]);
    expect(listing("again")).toEqual(first);
    const out = await bench.nacre(["cp", "kinds:/m", join(bench.base, "kinds")]);
    expect(out).toMatchObject({ code: 0, stderr: "" });
    const null_ = lstatSync(join(bench.base, "kinds/null"));
    // Whoever made it there could not open it: nobody but its owner can here.
    expect([null_.isCharacterDevice(), null_.rdev, null_.mode & 0o7777]).toEqual([
      true,
      0x103,
      0o600,
    ]);
    expect(lstatSync(join(bench.base, "kinds/pipe")).isFIFO()).toBe(true);
    await bench.does(["rm", "-f", "kinds", "again"]);
  });
});
