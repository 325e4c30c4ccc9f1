// Files of containers, copied in and out, on whatever kernel: part of engineContract.

import { TAR_END, type TarMember, tarHeader, tarPadding } from "@nacre/core/tar-writer.ts";
import type { ContainerFiles } from "@nacre/engine/engine.ts";
import { expect, it } from "vitest";
import type { Bench } from "./engine.ts";
import { refusal } from "./engine.ts";
import { contentsOf } from "./engine-archives.ts";
import { rootDirectoryCases } from "./engine-root-directories.ts";
import { systemdCases } from "./engine-systemd.ts";

const LOOP = "while :; do sleep 0.05; done";
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

type Part = Partial<Omit<TarMember, "path" | "target">> & {
  readonly path: string;
  readonly text?: string;
  readonly target?: string;
};

/** A tar, in chunks that end anywhere. */
export async function* tarOf(...parts: readonly Part[]): AsyncGenerator<Uint8Array> {
  for (const { path, text = "", target, ...rest } of parts) {
    const data = bytes(text);
    const owner = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 1_600_000_000 };
    yield tarHeader({
      ...{ kind: "file", ...owner, ...rest, path: bytes(path), sizeBytes: data.length },
      ...(target !== undefined && { target: bytes(target) }),
    });
    yield data;
    yield tarPadding(data.length);
  }
  yield TAR_END;
}

async function names(files: ContainerFiles, path: string): Promise<string[]> {
  const found = [];
  for await (const { entry } of files.entries(path))
    found.push(new TextDecoder().decode(entry.path));
  return found;
}

/** What the scripts below find. */
const MADE = [
  "mkdir -p /made/deep",
  "echo one >/made/file",
  "echo two >/made/deep/file",
  "ln /made/file /made/twin",
  "ln -s deep /made/link",
  "ln -s /made/deep /absolute",
  "ln -s ../../../../made /made/up",
  "ln -s /nowhere/else /dangling",
  "ln -s circle /circle",
].join("; ");

/** One that runs, and one that has ended, with the same files. */
async function both(bench: Bench, work: (name: string) => Promise<void>): Promise<void> {
  await bench.start("runs", `${MADE}; echo ready; ${LOOP}`);
  await bench.says("runs", "ready");
  await work("runs");
  await bench.start("ended", MADE);
  await bench.containers.wait("ended");
  await work("ended");
}

export function fileCases(bench: () => Bench): void {
  rootDirectoryCases(bench);
  systemdCases(bench);
  readingCases(bench);
  writingCases(bench);
  mountCases(bench);
  refusedCases(bench);
}

function readingCases(bench: () => Bench): void {
  it("reads a container's files, in any state of it", async () => {
    await both(bench(), async (name) => {
      await using files = await bench().containers.files(name);
      expect(files.status("/made/file")).toMatchObject({ kind: "file", sizeBytes: 4 });
      expect(files.status("made/deep")).toMatchObject({ kind: "directory" });
      expect(files.status("/made/nothing")).toBeUndefined();
      expect(files.status("/made/file/below")).toBeUndefined();
      expect(await names(files, "/made")).toEqual([
        "",
        "deep",
        "deep/file",
        "file",
        "link",
        "twin",
        "up",
      ]);
      const { tree, text } = await contentsOf(files.read("/made"));
      expect(text("made/deep/file")).toBe("two\n");
      expect(tree.lookup("made/twin")?.identity).toBe(tree.lookup("made/file")?.identity);
      expect(tree.lookup("made/link")).toMatchObject({ kind: "symlink", target: "deep" });
      expect((await contentsOf(files.read("/made/file", "other"))).text("other")).toBe("one\n");
      expect((await contentsOf(files.read("/made/deep/."))).text("file")).toBe("two\n");
      expect((await contentsOf(files.read("/"))).text("made/file")).toBe("one\n");
    });
  });

  it("follows links inside of the container, and never out of it", async () => {
    await both(bench(), async (name) => {
      await using files = await bench().containers.files(name);
      expect(files.status("/made/link")).toMatchObject({ kind: "symlink", target: "/made/deep" });
      expect(files.status("/made/link/")).toMatchObject({ kind: "directory" });
      expect(files.status("/absolute/.")).toMatchObject({ kind: "directory" });
      expect(files.status("/made/up/deep/file")).toMatchObject({ kind: "file", sizeBytes: 4 });
      expect(files.status("/../../made/file")).toMatchObject({ kind: "file" });
      expect(files.status("/made/file/")).toBeUndefined();
      expect(files.status("/dangling")).toMatchObject({ target: "/nowhere/else" });
      expect(() => files.status("/circle/")).toThrow(expect.objectContaining({ kind: "invalid" }));
      expect(await names(files, "/absolute")).toEqual([""]);
      expect(await names(files, "/absolute/")).toEqual(["", "file"]);
    });
  });
}

function writingCases(bench: () => Bench): void {
  it("unpacks a tar into a directory, over what is there", async () => {
    await both(bench(), async (name) => {
      await using files = await bench().containers.files(name);
      await files.write(
        "/made/link",
        tarOf(
          { path: "sub", kind: "directory", mode: 0o750, uid: 7, gid: 8 },
          { path: "sub/new", text: "new\n", mode: 0o640, uid: 7, gid: 8 },
          { path: "sub/again", kind: "hard-link", target: "sub/new" },
          { path: "sub/to", kind: "symlink", target: "/made/file" },
          { path: "file", text: "three\n" },
        ),
      );
      const { tree, text } = await contentsOf(files.read("/made"));
      expect(text("made/deep/sub/new")).toBe("new\n");
      expect(text("made/deep/file")).toBe("three\n");
      const found = tree.lookup("made/deep/sub/new");
      expect(found).toMatchObject({ mode: 0o640, uid: 7, gid: 8, mtimeSeconds: 1_600_000_000 });
      expect(tree.lookup("made/deep/sub/again")?.identity).toBe(found?.identity);
      expect(tree.lookup("made/deep/sub")).toMatchObject({ mode: 0o750, uid: 7 });
      expect(text("made/file")).toBe("one\n");
    });
    expect((await bench().exec("runs", { command: ["cat", "/made/deep/sub/to"] })).stdout).toBe(
      "one\n",
    );
  });

  it("leaves directories as they are that the tar does not list, and takes nothing at all", async () => {
    await bench().start("runs", `mkdir -p /kept; chmod 711 /kept; echo ready; ${LOOP}`);
    await bench().says("runs", "ready");
    await using files = await bench().containers.files("runs");
    const before = files.status("/kept")?.mode;
    await files.write("/", tarOf({ path: "kept/in", text: "x" }));
    expect(files.status("/kept")?.mode).toBe(before);
    await files.write("/kept", tarOf({ path: ".", kind: "directory", mode: 0o700 }));
    expect(files.status("/kept")?.mode).toBe(before);
    await files.write("/kept", (async function* () {})());
    expect(await names(files, "/kept")).toEqual(["", "in"]);
  });

  it("is seen by the container at its next start, which waits for whoever is copying", async () => {
    const { containers } = bench();
    const image = bench().subject.image;
    await containers.create({ image, name: "later", command: ["cat", "/given", "/bin/broken"] });
    const files = await containers.files("later");
    const started = containers.start("later", {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
    });
    await files.write("/", tarOf({ path: "given", text: "given\n" }));
    expect(containers.get("later").status).toBe("starting");
    await files[Symbol.asyncDispose]();
    const running = await started;
    expect(await new Response(running.stdout).text()).toBe("given\nno program\n");
    expect(await running.exited).toBe(0);
  });

  it("gives all of it to the container's user, where it has one and that is asked for", async () => {
    const { containers } = bench();
    const image = bench().subject.image;
    await containers.create({ image, name: "owned", command: ["true"], user: "7:8" });
    await using files = await containers.files("owned");
    const member = { path: "mine", text: "x", uid: 1, gid: 2 };
    await files.write("/", tarOf(member));
    const owner = async () => (await contentsOf(files.read("/mine"))).tree.lookup("mine");
    expect(await owner()).toMatchObject({ uid: 1, gid: 2 });
    await files.write("/", tarOf(member), { ownedByUser: true });
    expect(await owner()).toMatchObject({ uid: 7, gid: 8 });
  });
}

function mountCases(bench: () => Bench): void {
  it("sees volumes, and of one that runs all that is mounted in it", async () => {
    const mounts = [
      { type: "volume", name: "data", target: "/data", readOnly: false },
      { type: "tmpfs", target: "/memory", options: [] },
    ] as const;
    const script = `echo v >/data/file; echo m >/memory/file; echo ready; ${LOOP}`;
    await bench().start("mounted", script, { mounts });
    await bench().says("mounted", "ready");
    {
      await using files = await bench().containers.files("mounted");
      await files.write("/data", tarOf({ path: "in", text: "in\n" }));
      expect(await names(files, "/data")).toEqual(["", "file", "in"]);
      expect(await names(files, "/memory")).toEqual(["", "file"]);
      // Names of one file are those of one file system.
      const { tree } = await contentsOf(files.read("/"));
      expect(tree.lookup("data/file")).toMatchObject({ kind: "file", links: 1 });
    }
    await bench().containers.stop("mounted", { timeoutMs: 0 });
    {
      await using files = await bench().containers.files("mounted");
      expect((await contentsOf(files.read("/data"))).text("data/in")).toBe("in\n");
      await files.write("/data", tarOf({ path: "later", text: "later\n" }));
      expect(files.status("/memory/file")).toBeUndefined();
    }
    const { stdout } = await bench().sh("cat /data/later", { mounts: [mounts[0]] });
    expect(stdout).toBe("later\n");
    await bench().containers.remove("mounted");
    await bench().subject.engine.volumes.remove("data");
  });

  it("writes nothing to a root that is read-only, but to what is mounted in it", async () => {
    const mounts = [{ type: "volume", name: "open", target: "/open", readOnly: false }] as const;
    const more = { mounts, readOnlyRoot: true };
    await bench().start("closed", `echo ready; ${LOOP}`, more);
    await bench().says("closed", "ready");
    const attempt = async () => {
      await using files = await bench().containers.files("closed");
      await files.write("/open", tarOf({ path: "x", text: "x" }));
      const error = await refusal(files.write("/", tarOf({ path: "x", text: "x" })));
      expect(error).toMatchObject({ kind: "denied" });
      expect(files.status("/x")).toBeUndefined();
    };
    await attempt();
    await bench().containers.stop("closed", { timeoutMs: 0 });
    await attempt();
    await bench().containers.remove("closed");
    await bench().subject.engine.volumes.remove("open");
  });
}

function refusedCases(bench: () => Bench): void {
  it("says what is not there, what is no directory, and what it does not replace", async () => {
    await both(bench(), async (name) => {
      await using files = await bench().containers.files(name);
      const into = (path: string, ...parts: Part[]) => refusal(files.write(path, tarOf(...parts)));
      const file: Part = { path: "f", text: "x" };
      expect(await into("/nothing", file)).toMatchObject({ kind: "not-found" });
      expect(await into("/made/file", file)).toMatchObject({ kind: "invalid" });
      expect(await into("/dangling", file)).toMatchObject({ kind: "not-found" });
      expect(await into("/made", { path: "deep", text: "x" })).toMatchObject({ kind: "exists" });
      expect(await into("/made", { path: "link", kind: "directory" })).toMatchObject({
        kind: "exists",
      });
      expect(await into("/", { path: "../out", text: "x" })).toMatchObject({ kind: "invalid" });
      const garbage = async function* () {
        yield bytes("no tar".repeat(200));
      };
      expect((await refusal(files.write("/", garbage()))).kind).toBe("corrupt");
      expect(await refusal(names(files, "/nothing"))).toMatchObject({ kind: "not-found" });
      expect(await names(files, "/made")).toHaveLength(7);
    });
  });

  it("leads through a link in the container to a place in the container", async () => {
    await bench().start("trap", `mkdir /in; ln -s / /in/root; echo ready; ${LOOP}`);
    await bench().says("trap", "ready");
    await using files = await bench().containers.files("trap");
    await files.write("/", tarOf({ path: "in/root/trapped", text: "x" }));
    expect(files.status("/trapped")).toMatchObject({ kind: "file" });
    await files.write("/in/root/../..", tarOf({ path: "above", text: "x" }));
    expect(files.status("/above")).toMatchObject({ kind: "file" });
  });

  it("has no files of what is not there, and forgets what has ended", async () => {
    expect((await refusal(bench().containers.files("nobody"))).kind).toBe("not-found");
    await bench().start("brief", LOOP);
    await using files = await bench().containers.files("brief");
    await bench().containers.remove("brief", { force: true });
    expect(await refusal(names(files, "/bin"))).toMatchObject({ kind: "conflict" });
    expect((await refusal(files.write("/", tarOf({ path: "f" })))).kind).toBe("conflict");
  });
}
