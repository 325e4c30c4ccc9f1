import { execFileSync } from "node:child_process";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { fileURLToPath } from "node:url";
import { LinuxFiles } from "@nacre/linux/files.ts";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../contract/temporary.ts";

const ADDON = fileURLToPath(new URL("../../../backends/linux/dist/addon.node", import.meta.url));
const files = new LinuxFiles(ADDON);

describe("a tree that somebody else may be changing", () => {
  let root: string;
  beforeEach(() => {
    root = temporaryDirectory();
    mkdirSync(`${root}/tree/d`, { recursive: true });
    mkdirSync(`${root}/outside`);
    writeFileSync(`${root}/outside/secret`, "secret");
  });
  const walk = () => [...files.walk(`${root}/tree`)];
  const named = (name: string) => walk().find(({ path }) => Buffer.from(path).toString() === name);
  const open = (path: string) => files.openBeneath(`${root}/tree`, Buffer.from(path));

  it("is told of with kinds, links, times and names that are no UTF-8", () => {
    const name = Buffer.from([0x66, 0xff]);
    writeFileSync(Buffer.concat([Buffer.from(`${root}/tree/d/`), name]), "x");
    writeFileSync(`${root}/tree/one`, "12");
    chmodSync(`${root}/tree/one`, 0o4755);
    linkSync(`${root}/tree/one`, `${root}/tree/two`);
    symlinkSync("../outside", `${root}/tree/link`);
    execFileSync("touch", ["-h", "-d", "@-1.5", `${root}/tree/link`]);
    execFileSync("mkfifo", [`${root}/tree/pipe`]);
    expect(walk().map(({ path }) => Buffer.from(path).toString("latin1"))).toEqual([
      ...["d", "d/f\u00ff", "link", "one", "pipe", "two"],
    ]);
    expect(named("one")).toMatchObject({ mode: 0o4755, links: 2, sizeBytes: 2 });
    expect(named("two")?.inode).toBe(named("one")?.inode);
    const link = named("link");
    expect(Buffer.from(link!.target).toString()).toBe("../outside");
    expect(link).toMatchObject({ kind: "symlink", mtimeSeconds: -2, mtimeNanoseconds: 5e8 });
    expect(named("pipe")?.kind).toBe("fifo");
  });

  it("is told of with extended attributes, and is not without the addon", () => {
    writeFileSync(`${root}/tree/file`, "");
    execFileSync("python3", [
      "-c",
      "import os, sys\nos.setxattr(sys.argv[1], 'user.b', b'\\0\\xff')\nos.setxattr(sys.argv[1], 'user.a', b'')",
      `${root}/tree/file`,
    ]);
    expect(named("file")?.attributes.map(({ name, value }) => [name, [...value]])).toEqual([
      ["user.a", []],
      ["user.b", [0, 255]],
    ]);
    expect(() => [...new LinuxFiles().walk(root)]).toThrow(
      expect.objectContaining({ kind: "unsupported" }),
    );
  });

  it("leads nowhere else, neither by a link nor by one that takes a directory's place", async () => {
    symlinkSync("../outside", `${root}/tree/link`);
    symlinkSync("../outside/secret", `${root}/tree/file`);
    writeFileSync(`${root}/tree/d/secret`, "own");
    for (const path of ["link/secret", "file", "../outside/secret"]) {
      expect(await open(path)).toBeUndefined();
    }
    const found: string[] = [];
    for (const { path } of files.walk(`${root}/tree`)) {
      found.push(Buffer.from(path).toString());
      if (found.at(-1) !== "d") continue;
      // Between the look at the directory and the look into it.
      renameSync(`${root}/tree/d`, `${root}/moved`);
      symlinkSync("../outside", `${root}/tree/d`);
    }
    expect(found).toEqual(["d", "d/secret", "file", "link"]);
    expect(await open("d/secret")).toBeUndefined();
  });

  it("is looked into from its own root, wherever its links would lead", () => {
    symlinkSync("/outside/secret", `${root}/tree/absolute`);
    symlinkSync("../../../d", `${root}/tree/d/up`);
    symlinkSync("circle", `${root}/tree/circle`);
    writeFileSync(`${root}/tree/d/own`, "own");
    const find = (path: string, follow = true) => {
      const found = files.find(`${root}/tree`, Buffer.from(path), follow);
      return found && [Buffer.from(found.path).toString(), found.entry?.kind];
    };
    expect(find("absolute", false)).toEqual(["absolute", "symlink"]);
    expect(find("absolute")).toBeUndefined();
    expect(find("d/up/up/own")).toEqual(["d/own", "file"]);
    expect(find("d/up", false)).toEqual(["d/up", "symlink"]);
    expect(find("d/up/", false)).toEqual(["d", "directory"]);
    expect(() => find("circle/x")).toThrow(expect.objectContaining({ kind: "invalid" }));
    mkdirSync(`${root}/tree/outside`);
    expect(find("absolute")).toEqual(["outside/secret", undefined]);
  });

  it("is refused, and not followed for ever, where it is nested too deep", async () => {
    const script =
      "import os, sys\nos.chdir(sys.argv[1])\nfor _ in range(2100): os.mkdir('d'); os.chdir('d')";
    execFileSync("python3", ["-c", script, `${root}/tree/d`]);
    try {
      expect(walk).toThrow(expect.objectContaining({ kind: "unsupported" }));
    } finally {
      await files.removeTree(`${root}/tree/d`);
    }
  });

  it("leaves out what goes while it is looked at", () => {
    for (const name of ["a", "b", "c"]) writeFileSync(`${root}/tree/${name}`, "");
    const found: string[] = [];
    for (const { path } of files.walk(`${root}/tree`)) {
      found.push(Buffer.from(path).toString());
      rmSync(`${root}/tree/b`, { force: true });
    }
    expect(found).toEqual(["a", "c", "d"]);
  });
});
