// What bad input gets: one clear message, the right exit code, and a machine that is as it was.

import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CACHED_TAG } from "../images/cache.ts";
import { ESCAPED, HOSTILE } from "../images/hostile.ts";
import { writeLayout } from "../images/layout.ts";
import { tar } from "../images/tar.ts";
import { benchForTests, type CommandOptions, shellImage } from "./engine-bench.ts";

const bench = benchForTests();

/** A command that fails and leaves nothing; its message. */
async function refused(code: number, words: readonly string[], options: CommandOptions = {}) {
  const result = await bench.unchanged(() => bench.nacre(words, options));
  expect(result, words.join(" ")).toMatchObject({ code, stdout: "" });
  // One sentence of what and why, one of what to do; no stack, no defect.
  expect(result.stderr).toMatch(/^nacre: .*\n/);
  expect(result.stderr.trim().split("\n").length).toBeLessThanOrEqual(2);
  expect(result.stderr).not.toMatch(/defect|undefined|\[object/);
  return result.stderr;
}

const run = (...words: string[]) => ["run", "-q", "--rm", ...words];

describe("a pull", () => {
  it("of an image that there is not", async () => {
    expect(await refused(1, ["pull", "-q", bench.name("nothing")])).toMatch(/not found|unknown/);
    expect(await refused(125, run(bench.name("nothing")))).toMatch(/not found|unknown/);
    const never = run("--pull", "never", bench.name("nothing"));
    expect(await refused(125, never)).toMatch(/No such image: .*nothing/);
  });

  it("from where nothing answers, or something else does", async () => {
    const closed = await bench.serve();
    await closed.close();
    const down = await refused(1, ["pull", "-q", `${closed.address}/shell`]);
    expect(down).toContain("nothing listens there");
    const garbage = createServer((socket) => socket.end("hello, this is no registry\r\n\r\n"));
    await new Promise<void>((resolve) => garbage.listen(0, "127.0.0.1", resolve));
    const { port } = garbage.address() as { port: number };
    await refused(1, ["pull", "-q", `127.0.0.1:${port}/shell`]);
    garbage.close();
    bench.add("other", shellImage({ process: { Cmd: ["true"] } }));
    const page = await bench.serve({
      faults: [{ do: "cut", afterBytes: 20, on: "manifest" }],
    });
    await refused(1, ["pull", "-q", `${page.address}/other`]);
  });

  it("with credentials that are wrong, or none", async () => {
    const access = { kind: "basic", username: "me", password: "right" } as const;
    const closed = await bench.serve({ access });
    const config = (password: string): CommandOptions => {
      const folder = mkdtempSync(join(bench.base, "docker-"));
      const auth = Buffer.from(`me:${password}`).toString("base64");
      writeFileSync(
        join(folder, "config.json"),
        JSON.stringify({ auths: { [closed.address]: { auth } } }),
      );
      return { environment: { DOCKER_CONFIG: folder } };
    };
    const name = `${closed.address}/shell`;
    const wrong = config("wrong");
    expect(await refused(1, ["pull", "-q", name], wrong)).toMatch(
      /unauthorized|credentials|denied/,
    );
    await refused(1, ["pull", "-q", name]);
    await bench.does(["pull", "-q", name], config("right"));
    await bench.does(["rmi", name]);
  });

  it("of blobs that are not what their digest says, or are cut short", async () => {
    const big = tar([{ name: "big", content: Buffer.alloc(300_000, "some text ") }]);
    const built = bench.add("broken", shellImage({ layers: [{ tar: big, compression: "none" }] }));
    const of = built.layers[1]!.digest;
    for (const fault of [
      { do: "flip", at: 1000 },
      { do: "cut", afterBytes: 1000 },
      { do: "pad", bytes: 10 },
    ] as const) {
      const server = await bench.serve({ faults: [{ ...fault, on: "blob", of }] });
      const message = await refused(1, ["pull", "-q", `${server.address}/broken`]);
      expect(message, fault.do).toMatch(/sha256:|bytes/);
    }
    const flipped = await bench.serve({ faults: [{ do: "flip", at: 5, on: "manifest" }] });
    const digest = built.manifestDescriptor.digest;
    await refused(1, ["pull", "-q", `${flipped.address}/broken@${digest}`]);
  });
});

describe("an image that somebody made to do harm", () => {
  it("is refused, or stays within its root", { timeout: 120_000 }, async () => {
    await using engine = await bench.engine();
    for (const [i, { name, expected, image }] of HOSTILE.entries()) {
      const folder = mkdtempSync(join(bench.base, "layout-"));
      const { digest } = await writeLayout(folder, CACHED_TAG, image);
      for (const blob of readdirSync(join(folder, "blobs/sha256"))) {
        const bytes = readFileSync(join(folder, "blobs/sha256", blob));
        if (`sha256:${blob}` === digest) bench.content.addManifest(`evil-${i}`, "latest", bytes);
        else bench.content.addBlob(bytes, `sha256:${blob}`);
      }
      rmSync(folder, { recursive: true });
      const reference = bench.name(`evil-${i}`);
      await bench.unchanged(async () => {
        const pulled = await engine.images.pull(reference).catch((error) => error);
        if (expected === "refused") {
          expect(pulled, name).toMatchObject({ name: "NacreError" });
          expect(["corrupt", "invalid", "unsupported"], `${name}: ${pulled.message}`).toContain(
            pulled.kind,
          );
          return;
        }
        expect(pulled, name).toHaveProperty("image");
        const request = { image: reference, command: ["/kept"], autoRemove: true };
        const started = await engine.containers.run(request).catch((error) => error);
        expect(started.kind, `${name}: ${started.message}`).toMatch(/^command-not-/);
        await engine.images.remove(reference);
      });
      expect(existsSync(ESCAPED), name).toBe(false);
    }
  });
});

describe("a command", () => {
  it("that is not there is 127, one that cannot be executed is 126", async () => {
    expect(await refused(127, run(bench.name(), "nothing"))).toContain('"nothing"');
    expect(await refused(127, run(bench.name(), "/bin/nothing"))).toContain('"/bin/nothing"');
    expect(await refused(126, run(bench.name(), "/etc/passwd"))).toContain("cannot be executed");
    expect(await refused(126, run(bench.name(), "/etc"))).toContain("cannot be executed");
    const { code } = await bench.nacre(["run", "-d", "--name", "failed", bench.name(), "nothing"]);
    expect(code).toBe(127);
    const [{ State }] = JSON.parse(await bench.does(["inspect", "failed"]));
    expect(State).toMatchObject({ Status: "created", ExitCode: 127 });
    await bench.does(["rm", "failed"]);
  });

  it("with words that make no sense is 125", async () => {
    for (const [words, says] of [
      [["--memory", "1k"], "6MB"],
      [["--cpus", "0.000001"], "cpus"],
      [["--user", "nobody-like-this"], "nobody-like-this"],
      [["--user", "99999999999"], "99999999999"],
      [["--network", "nowhere"], "nowhere"],
      [["-w", "relative"], "relative"],
      [["--name", "-x-"], "name"],
      [["--entrypoint", "", "-e", "A=1"], ""],
      [["-v", "/etc/hostname:/etc"], "/etc"],
      [["-v", "/a:/proc/../.."], "/"],
    ] as const) {
      const command = words[0] === "--entrypoint" ? [] : ["true"];
      const image =
        words[0] === "--entrypoint"
          ? bench.add("empty-command", shellImage({ process: { Cmd: [] } })).name
          : bench.name();
      if (command.length === 0) await bench.does(["pull", "-q", image]);
      const message = await refused(125, run(...words, image, ...command));
      expect(message).toContain(says);
    }
    const unknown = await bench.nacre(["run", "--no-such-option", bench.name()]);
    expect(unknown).toMatchObject({
      code: 125,
      stderr: expect.stringContaining("--no-such-option"),
    });
    expect(existsSync("/a")).toBe(false);
  });
});

describe("names and states", () => {
  it("that are taken, missing or in use are said", async () => {
    await bench.does(["run", "-d", "--name", "taken", bench.name(), "sleep", "60"]);
    expect(await refused(125, run("--name", "taken", bench.name()))).toContain("already in use");
    expect(await refused(1, ["rmi", bench.name()])).toContain("taken");
    expect(await refused(1, ["rm", "taken"])).toContain("rm -f taken");
    await bench.does(["stop", "-t", "0", "taken"]);
    expect(await refused(1, ["rmi", bench.name()])).toContain("taken");
    expect(await refused(1, ["exec", "taken", "true"])).toContain("exited");
    expect(await refused(1, ["kill", "taken"])).toContain("exited");
    await bench.does(["rm", "taken"]);
    for (const words of [["rm"], ["stop"], ["kill"], ["logs"], ["exec", "gone", "true"]]) {
      const all = words.length > 1 ? words : [...words, "gone"];
      expect(await refused(1, all)).toContain("no such container: gone");
    }
    const inspect = await bench.nacre(["inspect", "gone"]);
    expect(inspect).toMatchObject({ code: 1, stdout: "[]\n" });
    expect(await refused(1, ["rmi", "gone"])).toContain("gone");
  });
});

describe("a machine that cannot", () => {
  it("because the caller is not root", async () => {
    const nobody = (root: string) => ({ uid: 65534, gid: 65534, root, environment: { HOME: "/" } });
    expect(await refused(125, run("host", "true"), nobody(bench.root))).toMatch(
      /permission denied/,
    );
    const own = mkdtempSync("/tmp/nacre-nobody-");
    chmodSync(own, 0o777);
    try {
      const root = join(own, "root");
      await bench.nacre(run("host", "true"), nobody(root)); // says once what such a user has not
      expect(await refused(125, run("host", "true"), nobody(root))).toMatch(/needs? root/);
    } finally {
      rmSync(own, { recursive: true });
    }
  });
});

describe("a full disk", () => {
  it("ends a pull, a creation or a container, and nothing is lost", {
    timeout: 90_000,
  }, async () => {
    const image = `/dev/shm/${bench.base.split("/").at(-1)}.ext4`;
    const disk = join(bench.base, "disk");
    const root = join(disk, "root");
    mkdirSync(disk);
    writeFileSync(image, "");
    truncateSync(image, 12 << 20);
    execFileSync("mkfs.ext4", ["-q", "-m", "0", "-O", "^has_journal", image]);
    execFileSync("mount", ["-o", "loop", image, disk]);
    const nacre = (...words: string[]) => bench.nacre(words, { root });
    const noise = Buffer.from(
      Array.from({ length: 12 << 20 }, (_, i) => Math.imul(i, 2654435761) >>> 13),
    );
    const large = bench.add(
      "too-large",
      shellImage({ layers: [{ tar: tar([{ name: "noise", content: noise }]) }] }),
    );
    try {
      expect((await nacre("pull", "-q", bench.name())).code).toBe(0);
      const before = readdirSync(root, { recursive: true }).length;
      const pull = await nacre("pull", "-q", large.name);
      expect(pull).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^nacre: .*(no space|disk)/i),
      });
      // What was fetched of it is kept, so that the pull goes on once there is room; prune lets it go.
      expect((await nacre("system", "prune", "-f")).code).toBe(0);
      expect(readdirSync(root, { recursive: true }).length).toBeLessThanOrEqual(before + 4);
      const fill = await nacre(
        "run",
        "-q",
        "--rm",
        bench.name(),
        "dd",
        "if=/dev/zero",
        "of=/full",
        "bs=64k",
      );
      expect(fill).toMatchObject({ code: 1, stderr: expect.stringContaining("No space left") });
      execFileSync("sh", ["-c", `dd if=/dev/zero of=${disk}/stuff bs=4k 2>/dev/null; true`]);
      const create = await nacre("run", "-q", "--rm", bench.name(), "true");
      expect(create).toMatchObject({
        code: 125,
        stderr: expect.stringMatching(/^nacre: .*(no space|full)/i),
      });
      rmSync(join(disk, "stuff"));
      expect((await nacre("run", "-q", "--rm", bench.name(), "true")).code).toBe(0);
      expect((await nacre("ps", "-aq")).stdout).toBe("");
    } finally {
      // Whoever had the last container may still be on its way out.
      await bench.until(() => spawnSync("umount", [disk]).status === 0);
      rmSync(image);
    }
  });
});
