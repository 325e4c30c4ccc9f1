// Builds on the real kernel, by the command line: contexts from the disk, what climbs out of them,
// what is fetched, and builds that are killed.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { typedInto } from "../cli/in-terminal.ts";
import { startRegistry } from "../images/registry.ts";
import { tar } from "../images/tar.ts";
import { Bench, NACRE } from "./engine-bench.ts";

const isRoot = process.getuid?.() === 0;
/** What builds leave on purpose. */
const KEPT = /^file: (layers|blobs|snapshots|cache-mounts|builds|locks|mounts)/;
const hasGit = existsSync("/usr/bin/git");

describe.skipIf(!isRoot /* containers need root */)("builds", () => {
  let bench: Bench;
  let server: Server;
  let address = "";
  let remote: Buffer;
  const archive = gzipSync(tar([{ name: "dir/in", uid: 3, content: "packed\n" }]));
  beforeAll(async () => {
    bench = await Bench.make();
    await bench.does(["pull", "-q", bench.name()]);
    server = createServer((request, response) => {
      if (request.url === "/file.txt") response.end("fetched\n");
      else if (request.url === "/context.tgz") response.end(remote);
      else if (request.url === "/Dockerfile") response.end(`FROM ${bench.name()}\nRUN echo x >/x`);
      else response.writeHead(404).end();
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server?.close();
    await bench?.[Symbol.asyncDispose]();
  });

  let contexts = 0;
  /** A context on the disk; `FROM base` is the bench's image. */
  function context(dockerfile: string, files: Readonly<Record<string, string | Uint8Array>> = {}) {
    const directory = join(bench.base, `context-${contexts++}`);
    const all = {
      ...files,
      Dockerfile: dockerfile.replaceAll("FROM base", `FROM ${bench.name()}`),
    };
    for (const [name, content] of Object.entries(all)) {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), content);
    }
    return directory;
  }

  const build = (directory: string, ...more: string[]) =>
    bench.nacre(["build", "-t", "built", ...more, directory]);
  async function builds(directory: string, ...more: string[]): Promise<string> {
    const { code, stdout, stderr } = await build(directory, ...more);
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
    return stdout + stderr;
  }
  const prints = (script: string) => bench.does(["run", "-q", "--rm", "built", "sh", "-c", script]);

  it("leaves no mount, no cgroup and no process, whether it succeeds or fails", async () => {
    const good = context("FROM base\nRUN echo x >/x\nCOPY a /a", { a: "a\n" });
    await bench.unchanged(() => builds(good), KEPT);
    expect(await prints("cat /x /a")).toBe("x\na");
    const bad = context("FROM base\nRUN echo before\nRUN echo said; exit 7");
    await bench.unchanged(async () => {
      const { code, stderr } = await build(bad);
      expect(code).toBe(1);
      expect(stderr).toMatch(/------\n > \[3\/3\] RUN echo said; exit 7:\n[\d.]+ said\n------\n/);
      expect(stderr).toContain("exit code 7\n  3 | RUN echo said; exit 7\n      ^\n");
    }, KEPT);
    const absent = context('FROM base\nRUN ["/none"]');
    expect((await build(absent)).stderr).toContain("exit code 127");
  });

  it("opens a shell in a step that has failed, in a terminal, before anything of it goes", async () => {
    const bad = context(
      "FROM base\nENV COLOUR=blue\nWORKDIR /here\nRUN --mount=type=tmpfs,target=/memory echo left >kept; exit 9",
    );
    const words = ["build", "--progress", "plain", "--debug-shell", bad];
    await bench.unchanged(async () => {
      const { code, seen, restored } = await typedInto(
        [NACRE, "--root", bench.root, ...words],
        [
          ["exit ends it.", "echo $COLOUR:$(pwd):$(cat kept):$(stty size)\r"],
          ["blue:/here:left:33 99", "grep -c ' /memory tmpfs ' /proc/mounts; exit 3\r"],
        ],
      );
      expect(seen).toContain("The step has failed with 9. This shell is where it was");
      expect(seen).toMatch(/exit 3\r\n1\r\n/);
      expect(seen).toContain("exit code 9\r\n");
      expect({ code, restored }).toEqual({ code: 1, restored: true });
    }, KEPT);
    const piped = await bench.nacre(["build", "--debug-shell", bad]);
    expect(piped.stderr).toContain("--debug-shell needs a terminal");
  });

  it("holds steps to what they may have, and writes archives that leave no image here", async () => {
    const limited = context("FROM base\nRUN ulimit -n >/limit; ulimit -v >>/limit\nCOPY a /a", {
      a: "a",
    });
    await builds(limited, "--ulimit", "nofile=77:99", "--memory", "32m", "--cpu-shares", "100");
    expect(await prints("cat /limit")).toBe("77\nunlimited");
    const starved = context(
      "FROM base\nRUN head -c 60000000 /dev/zero | tail -c 60000000 >/dev/null",
    );
    const { code, stderr } = await build(starved, "--memory", "16m");
    expect(code).toBe(1);
    expect(stderr).toMatch(/exit code 1|exit code 137/);
    const images = await bench.does(["images", "-aq"]);
    const file = join(bench.base, "image.tar");
    const words = ["-t", "archived:2", "-o", `type=oci,dest=${file}`, "--annotation", "org.a=b"];
    const said = await bench.nacre(["build", "--no-cache", ...words, limited]);
    expect(said.stderr).toContain("exporting manifest sha256:");
    expect(said.stderr).not.toMatch(/writing image|naming to/);
    expect(await bench.does(["images", "-aq"])).toBe(images);
    const read = (path: string) => JSON.parse(String(execFileSync("tar", ["-xOf", file, path])));
    const [manifest] = read("index.json").manifests;
    expect(manifest.annotations["io.containerd.image.name"]).toBe("docker.io/library/archived:2");
    const { annotations } = read(`blobs/sha256/${manifest.digest.slice("sha256:".length)}`);
    expect(annotations).toEqual({ "org.a": "b" });
  });

  it("copies what .dockerignore leaves, and nothing from outside of the context", async () => {
    const directory = context("FROM base\nCOPY . /all", {
      ...{ ".dockerignore": "node_modules\n*.log\n!keep.log\n", "keep.log": "k", "drop.log": "d" },
      ...{ "node_modules/m/x.js": "x", "src/a": "a", "src/b.log": "b" },
    });
    await builds(directory);
    expect(await prints("cd /all && find . -type f | sort")).toBe(
      ["./.dockerignore", "./Dockerfile", "./keep.log", "./src/a", "./src/b.log"].join("\n"),
    );
    symlinkSync("/etc/passwd", join(directory, "escape"));
    symlinkSync("../../../etc", join(directory, "climb"));
    for (const source of ["escape", "climb/passwd", "../x"]) {
      writeFileSync(join(directory, "Dockerfile"), `FROM ${bench.name()}\nCOPY ${source} /x`);
      const { code, stderr } = await build(directory);
      expect(code).toBe(1);
      expect(stderr).toMatch(/Dockerfile:2:1: ".*" is (not in|outside of) the build context/);
    }
  });

  it("keeps owners, modes and links as COPY says, also into directories that are links", async () => {
    const directory = context(
      [
        "FROM base",
        "RUN mkdir -p /real && ln -s /real /link && echo 'app:x:77:78::/:' >>/etc/passwd",
        "COPY --chown=app a /link/",
        "COPY --chmod=4750 a /real/b",
        "COPY --link a /linked/deep/",
        "RUN stat -c '%u:%g %a %n' /real/* /linked/deep/a >/seen",
      ].join("\n"),
      { a: "a" },
    );
    await builds(directory);
    expect(await prints("cat /seen; ls -d /link/a")).toBe(
      "77:78 644 /real/a\n0:0 4750 /real/b\n0:0 644 /linked/deep/a\n/link/a",
    );
  });

  it("unpacks archives that ADD names, and refuses those that climb out", async () => {
    const climbs = tar([{ name: "../../../../tmp/nacre-escaped", content: "x" }]);
    const packed = (program: string, name: string) =>
      execFileSync(program, ["-c"], { input: tar([{ name, content: `${program}\n` }]) });
    const good = context("FROM base\nADD a.tgz /to/\nCOPY a.tgz /as-it-is\nADD a.txz a.tbz /to/", {
      "a.tgz": archive,
      "a.txz": packed("xz", "x"),
      "a.tbz": packed("bzip2", "b"),
    });
    await builds(good);
    expect(await prints("cat /to/x /to/b")).toBe("xz\nbzip2");
    expect(await prints("stat -c %u /to/dir/in; cat /to/dir/in; ls /as-it-is")).toBe(
      "3\npacked\n/as-it-is",
    );
    const { code, stderr } = await build(context("FROM base\nADD a.tar /", { "a.tar": climbs }));
    expect(code).toBe(1);
    expect(stderr).toContain("Dockerfile:2:1");
    expect(existsSync("/tmp/nacre-escaped")).toBe(false);
  });

  it("gives cached steps to a registry, of all stages if asked, and takes them from there", async () => {
    const directory = context(
      "FROM base AS first\nRUN echo first >/first\nFROM base\nCOPY --from=first /first /\nRUN echo second >/second",
    );
    await using registry = await startRegistry();
    const ref = `${registry.address}/cache:1`;
    const cached = async (mode: string) => {
      const images = await bench.does(["images", "-aq"]);
      await builds(directory, "--cache-to", `type=registry,ref=${ref},mode=${mode}`);
      expect((await bench.does(["images", "-aq"])).split("\n").length).toBeLessThanOrEqual(
        images.split("\n").length + 1,
      );
      await bench.does(["rmi", "built"]);
      await bench.does(["builder", "prune", "-af"]);
      const said = await builds(directory, "--cache-from", `type=registry,ref=${ref}`);
      await bench.does(["rmi", ref]);
      return said.match(/\bCACHED$/gm)?.length;
    };
    // The base is cached in any case, once for each stage.
    expect(await cached("max")).toBe(5);
    await bench.does(["builder", "prune", "-af"]);
    expect(await cached("min")).toBe(4);
    const no = await build(directory, "--cache-to", "type=registry,ref=127.0.0.1:1/none:1");
    expect(no.code).toBe(1);
    await builds(directory, "--cache-to", "type=registry,ref=127.0.0.1:1/none:1,ignore-error=true");
  });

  it("fetches what ADD names, and refuses another checksum", async () => {
    const digest = createHash("sha256").update("fetched\n").digest("hex");
    const add = (sum: string) =>
      context(`FROM base\nADD --checksum=sha256:${sum} ${address}/file.txt /f/`);
    await builds(add(digest));
    expect(await prints("cat /f/file.txt; stat -c %a /f/file.txt")).toBe("fetched\n600");
    const wrong = await build(add("0".repeat(64)));
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain(`has the checksum sha256:${digest}`);
    expect((await build(context(`FROM base\nADD ${address}/none /x`))).stderr).toContain("404");
  });

  it("builds what a server has: a tar, or a Dockerfile alone", async () => {
    const dockerfile = `FROM ${bench.name()}\nCOPY a /a`;
    remote = gzipSync(
      tar([
        { name: "Dockerfile", content: dockerfile },
        { name: "a", content: "far\n" },
      ]),
    );
    await builds(`${address}/context.tgz`);
    expect(await prints("cat /a")).toBe("far");
    await builds(`${address}/Dockerfile`);
    expect(await prints("cat /x")).toBe("x");
    expect((await build(`${address}/none`)).stderr).toContain("404");
  });

  it("builds with this machine's own tools, and from nothing", async () => {
    const directory = context(
      "FROM host AS tools\nRUN mkdir /made && uname -s >/made/out\nRUN test -e /made/out && echo two >>/made/out\nFROM scratch\nCOPY --from=tools /made /\n",
    );
    const out = join(bench.base, "out");
    await builds(directory, "-o", out);
    expect(readFileSync(join(out, "out"), "utf8")).toBe("Linux\ntwo\n");
    expect(existsSync("/made")).toBe(false);
    expect((await build(directory, "--target", "tools")).stderr).toContain(
      "its root is this machine's",
    );
    const archive = join(bench.base, "out.tar");
    await builds(directory, "-o", `type=tar,dest=${archive}`);
    expect(execFileSync("tar", ["-xOf", archive, "out"], { encoding: "utf8" })).toBe(
      "Linux\ntwo\n",
    );
  });

  for (const snapshotter of [undefined, "directory"]) {
    const how = snapshotter === undefined ? "" : ` (${snapshotter} snapshotter)`;
    it(`keeps deleted of this machine's root what a step has deleted${how}`, async () => {
      const own = join(bench.base, `own-${snapshotter}`);
      for (const name of ["dir/below", "over"]) mkdirSync(join(own, name), { recursive: true });
      for (const name of ["file", "dir/old", "dir/below/old", "over/old", "kept"])
        writeFileSync(join(own, name), name);
      const lines = [
        "FROM host AS first",
        `WORKDIR ${own}`,
        "RUN rm -r file dir && rm -r over && mkdir over && touch over/new",
        "COPY a dir/a",
        "RUN test ! -e file && test ! -e dir/old && test ! -e over/old && test -e kept",
        "RUN echo again >file && mkdir dir/below && rm kept",
        "FROM first AS last",
        "RUN mkdir /made && find . -type f | sort >/made/files && cat file >/made/file",
        "FROM scratch",
        "COPY --from=last /made /",
      ];
      const out = join(bench.base, `out-${snapshotter}`);
      const options = snapshotter === undefined ? [] : ["--snapshotter", snapshotter];
      const root = join(bench.base, `root-${snapshotter}`);
      const directory = context(lines.join("\n"), { a: "a\n" });
      const words = [...options, "build", "-o", out, directory];
      const { code, stderr } = await bench.nacre(words, { root });
      expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
      const text = (name: string) => readFileSync(join(out, name), "utf8");
      expect(text("files")).toBe("./dir/a\n./file\n./over/new\n");
      expect(text("file")).toBe("again\n");
      expect(readFileSync(join(own, "dir/below/old"), "utf8")).toBe("dir/below/old");
      expect(existsSync(join(own, "over/new"))).toBe(false);
    });
  }

  it("gives a step on this machine's root the secrets that it asks for", async () => {
    const lines = [
      "FROM host AS tools",
      "RUN --mount=type=secret,id=word mkdir /made && tr a-z A-Z </run/secrets/word >/made/out",
      "FROM scratch",
      "COPY --from=tools /made /",
    ];
    const directory = context(lines.join("\n"));
    const out = join(bench.base, "secret-out");
    writeFileSync(join(bench.base, "word"), "pearl");
    await builds(directory, "-o", out, "--secret", `id=word,src=${join(bench.base, "word")}`);
    expect(readFileSync(join(out, "out"), "utf8")).toBe("PEARL");
  });

  it("has this machine's network in RUN, or none", async () => {
    const script = `wget -qO- ${address}/file.txt`;
    await builds(context(`FROM base\nRUN ${script} >/f`));
    expect(await prints("cat /f")).toBe("fetched");
    const none = await build(context(`FROM base\nRUN --network=none ${script} >/f`));
    expect(none.code).toBe(1);
  });

  it.skipIf(!hasGit /* git is not on this machine */)("builds from a git repository", async () => {
    const directory = context("FROM scratch", {
      "sub/Dockerfile": `FROM ${bench.name()}\nCOPY a /a`,
      "sub/a": "git\n",
      // BuildKit has it hold for this machine's own directories alone.
      "sub/.dockerignore": "a\n",
    });
    const git = (...words: string[]) =>
      execFileSync("git", ["-C", directory, "-c", "user.name=a", "-c", "user.email=a@b", ...words]);
    git("init", "-q", "-b", "main");
    git("add", ".");
    git("commit", "-qm", "a");
    const served = execFileSync("git", ["clone", "-q", "--bare", directory, `${directory}.git`]);
    expect(String(served)).toBe("");
    await builds(`file://${directory}.git#main:sub`);
    expect(await prints("cat /a; ls -a / | grep -c git || true")).toBe("git\n0");
  });

  it("loses no step and leaves nothing when it is killed in the middle of one", async () => {
    const started = join(bench.base, "started");
    const directory = context(
      `FROM base\nRUN echo kept >/kept\nRUN --mount=type=cache,target=/c echo go >/c/go; sleep 60`,
    );
    const child = bench.start(["build", "-t", "killed", directory]);
    const closed = new Promise((resolve) => child.once("close", resolve));
    let said = "";
    child.stderr?.on("data", (text) => {
      said += text;
    });
    await bench.until(() => /#3 \[3\/3\] RUN/.test(said));
    await bench.until(() => bench.state().some((one) => one.startsWith("cgroup:")));
    child.kill("SIGKILL");
    await closed;
    expect(existsSync(started)).toBe(false);
    await bench.until(async () => {
      await bench.nacre(["ps", "-a"]);
      return !bench
        .state()
        .some((one) => /^(mount|cgroup|process):/.test(one) || one.startsWith("file: containers/"));
    });
    writeFileSync(
      join(directory, "Dockerfile"),
      `FROM ${bench.name()}\nRUN echo kept >/kept\nRUN echo other`,
    );
    expect(await builds(directory)).toMatch(/RUN echo kept >\/kept\n#\d CACHED/);
  });
});
