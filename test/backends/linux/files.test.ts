import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { fileURLToPath } from "node:url";
import { LinuxFiles } from "@nacre/linux/files.ts";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../contract/temporary.ts";

const HOLDER = fileURLToPath(new URL("partial-holder.ts", import.meta.url));
const ADDON = fileURLToPath(new URL("../../../backends/linux/dist/addon.node", import.meta.url));
const files = new LinuxFiles();
let root: string;
beforeEach(() => {
  root = temporaryDirectory();
});

/** A process that has written "he" of a resumable file and waits to be killed. */
async function holder(path: string): Promise<{ kill: () => Promise<void> }> {
  const child = spawn(process.execPath, [HOLDER, path], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((ready) => child.stdout.once("data", ready));
  return {
    kill: () =>
      new Promise((gone) => {
        child.once("exit", () => gone());
        child.kill("SIGKILL");
      }),
  };
}

describe("a partial file of another process", () => {
  it("is left alone while it lives, and taken over when it was killed", async () => {
    const other = await holder(`${root}/blob`);
    try {
      const early = await files.create(`${root}/blob`, { resume: true });
      expect(early.sizeBytes).toBe(0);
      await early.discard();
      expect(files.sweep(root, { partials: true })).toEqual([]);
    } finally {
      await other.kill();
    }
    const late = await files.create(`${root}/blob`, { resume: true });
    expect(late.sizeBytes).toBe(2);
    await late.write(Buffer.from("llo"));
    await late.commit();
    expect(readFileSync(`${root}/blob`, "utf8")).toBe("hello");
    expect(readdirSync(root)).toEqual(["blob"]);
  });

  it("is swept when it was killed", async () => {
    await (await holder(`${root}/blob`)).kill();
    expect(files.sweep(root, { partials: false })).toEqual([]);
    expect(files.sweep(root, { partials: true })).toHaveLength(1);
    expect(readdirSync(root)).toEqual([]);
  });
});

describe("removing a tree", () => {
  it("follows no link", async () => {
    mkdirSync(`${root}/tree/sub`, { recursive: true });
    writeFileSync(`${root}/kept`, "1");
    symlinkSync(root, `${root}/tree/sub/up`);
    symlinkSync(`${root}/kept`, `${root}/tree/file`);
    await files.removeTree(`${root}/tree`);
    expect(readdirSync(root)).toEqual(["kept"]);
  });

  it("reaches below any path that has a name", async () => {
    mkdirSync(`${root}/tree`);
    // 1,500 levels of 20 bytes are 30,000: far past PATH_MAX. One has the name of what is moved up.
    const script = `
      for (let i = 0; i < 1500; i++) {
        const name = i === 0 ? ".nacre-deep-0" : "directory-of-20-byte";
        require("node:fs").mkdirSync(name);
        require("node:fs").writeFileSync("file", "");
        process.chdir(name);
      }`;
    execFileSync(process.execPath, ["-e", script], { cwd: `${root}/tree` });
    await files.removeTree(`${root}/tree`);
    expect(existsSync(`${root}/tree`)).toBe(false);
  });

  it("removes names that are not UTF-8", async () => {
    mkdirSync(`${root}/tree`);
    writeFileSync(Buffer.concat([Buffer.from(`${root}/tree/`), Buffer.of(0xff, 0xfe)]), "1");
    mkdirSync(Buffer.concat([Buffer.from(`${root}/tree/`), Buffer.of(0x80)]));
    await files.removeTree(`${root}/tree`);
    expect(readdirSync(root)).toEqual([]);
  });

  it("removes a link itself", async () => {
    mkdirSync(`${root}/kept`);
    symlinkSync(`${root}/kept`, `${root}/link`);
    await files.removeTree(`${root}/link`);
    expect(readdirSync(root)).toEqual(["kept"]);
  });

  it("lets other work run meanwhile", async () => {
    mkdirSync(`${root}/tree`);
    for (let i = 0; i < 2500; i++) writeFileSync(`${root}/tree/${i}`, "");
    let turns = 0;
    const ticking = setInterval(() => turns++, 0);
    await files.removeTree(`${root}/tree`);
    clearInterval(ticking);
    expect(turns).toBeGreaterThan(0);
  });
});

/** What this process has open there; other threads of it open and close what they want. */
const openedBelow = (directory: string): string[] =>
  readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path === directory || path.startsWith(`${directory}/`) ? [path] : [];
    } catch {
      return []; // closed meanwhile
    }
  });

describe.each([
  ["component by component", new LinuxFiles()],
  ["in one call", new LinuxFiles(ADDON)],
])("reading beneath a directory, %s,", (_, files) => {
  it("follows no link, wherever it stands", () => {
    mkdirSync(`${root}/upper/etc`, { recursive: true });
    mkdirSync(`${root}/outside`);
    writeFileSync(`${root}/outside/passwd`, "secret");
    symlinkSync(`${root}/outside/passwd`, `${root}/upper/etc/passwd`);
    symlinkSync(`${root}/outside`, `${root}/upper/lib`);
    expect(files.readBeneath(`${root}/upper`, "etc/passwd", 100)).toBeUndefined();
    expect(files.readBeneath(`${root}/upper`, "lib/passwd", 100)).toBeUndefined();
  });

  it("goes nowhere else, and reads no more than it may", () => {
    mkdirSync(`${root}/upper/etc`, { recursive: true });
    writeFileSync(`${root}/passwd`, "secret");
    writeFileSync(`${root}/upper/etc/file`, "12345");
    writeFileSync(`${root}/upper/empty`, "");
    const read = (path: string, limit = 5) => files.readBeneath(`${root}/upper`, path, limit);
    expect(read("etc/file")).toEqual(new TextEncoder().encode("12345"));
    expect(read("empty")).toEqual(new Uint8Array());
    expect(read("etc/file", 4)).toBeUndefined();
    const others = [
      "../passwd",
      "etc/../../passwd",
      "etc//file",
      "./empty",
      "/etc/file",
      "etc",
      "",
    ];
    for (const path of [...others, "etc/file/x", "none"]) expect(read(path)).toBeUndefined();
    expect(() => read("empty\u0000x")).toThrow();
  });

  it("does not wait for a fifo", () => {
    execFileSync("mkfifo", [`${root}/passwd`]);
    expect(files.readBeneath(root, "passwd", 100)).toBeUndefined();
  });

  it("leaks no descriptor", () => {
    writeFileSync(`${root}/a`, "1");
    mkdirSync(`${root}/b`);
    for (const path of ["a", "b", "a/b", "b/c/d", "b/a"]) files.readBeneath(root, path, 10);
    expect(openedBelow(root)).toEqual([]);
    const one = openSync(`${root}/a`, "r");
    expect(openedBelow(root)).toEqual([`${root}/a`]);
    closeSync(one);
  });
});

describe("errors", () => {
  it("say no-space with advice when the disk is full", () => {
    expect(() => files.control("/dev/full", "1")).toThrow(
      expect.objectContaining({
        kind: "no-space",
        errno: "ENOSPC",
        message: "cannot write /dev/full: no space left on device",
        operation: "write /dev/full",
        advice: expect.stringContaining("system prune"),
      }),
    );
  });

  it("say kernel with the errno for what has no kind", () => {
    const long = `${root}/${"x".repeat(300)}`;
    expect(() => files.readText(long)).toThrow(
      expect.objectContaining({ kind: "kernel", errno: "ENAMETOOLONG" }),
    );
  });
});

describe("what the engine makes", () => {
  it("is closed to other users whatever the umask lets through", async () => {
    files.makeDirectory(`${root}/d`);
    files.replace(`${root}/f`, "1");
    const writer = await files.create(`${root}/w`);
    expect(lstatSync(writer.path).mode & 0o7777).toBe(0o600);
    await writer.commit();
    expect(lstatSync(`${root}/d`).mode & 0o7777).toBe(0o700);
    expect(lstatSync(`${root}/f`).mode & 0o7777).toBe(0o600);
  });

  it("does not bring a state root back that somebody has deleted", () => {
    const state = `${root}/state`;
    const own = new LinuxFiles(undefined, state);
    mkdirSync(state);
    own.makeDirectory(`${state}/a/b`);
    rmSync(state, { recursive: true });
    expect(() => own.makeDirectory(`${state}/a/b`)).toThrow(
      expect.objectContaining({ kind: "not-found" }),
    );
    expect(existsSync(state)).toBe(false);
    own.makeDirectory(`${root}/beside/it`);
    expect(existsSync(`${root}/beside/it`)).toBe(true);
  });

  it("keeps the mode that a directory has", () => {
    mkdirSync(`${root}/d`);
    chmodSync(`${root}/d`, 0o711);
    files.makeDirectory(`${root}/d`, 0o755);
    expect(lstatSync(`${root}/d`).mode & 0o7777).toBe(0o711);
  });
});
