// `nacre cp` in docker's ways: part of commandLineContract. What each line expects was seen of
// docker 20.10 with the same files; where it says nothing of how it fails, the words are ours.

import { execFileSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { HostSettings } from "../cli/fake-host.ts";
import type { Outcome } from "./command-line.ts";
import { temporaryDirectory } from "./temporary.ts";

interface Tools {
  readonly nacre: (settings: HostSettings, ...words: string[]) => Promise<Outcome>;
  readonly start: (name: string, script: string) => Promise<unknown>;
}

/** In the container `web`. */
const SCRIPT = [
  "mkdir -p /d/sub /e",
  "echo f >/d/f",
  "echo s >/d/sub/s",
  "ln -s /d /ld",
  "ln -s f /d/lf",
  "ln -s /nope/x /dangling",
  "ln -s /e/made /here",
  "echo plain >/plain",
  "echo ready",
  "while :; do sleep 0.05; done",
].join("; ");

/** On this machine: a, dir/b, dir/sub/c, la → a, ldir → dir, out/. */
function makeLocal(directory: string): void {
  const at = (path: string) => join(directory, path);
  for (const path of ["dir/sub", "out"]) mkdirSync(at(path), { recursive: true });
  writeFileSync(at("a"), "a\n", { mode: 0o640 });
  writeFileSync(at("dir/b"), "b\n");
  writeFileSync(at("dir/sub/c"), "c\n");
  symlinkSync("a", at("la"));
  symlinkSync("dir", at("ldir"));
}

/** `path` and all below it: files with their text, links with what they say. */
function tree(path: string, name = ""): string[] {
  const found = lstatSync(path);
  if (found.isSymbolicLink()) return [`${name} -> ${readlinkSync(path)}`];
  if (!found.isDirectory()) return [`${name}: ${readFileSync(path, "utf8").trim()}`];
  const below = readdirSync(path).sort();
  return [`${name}/`, ...below.flatMap((each) => tree(join(path, each), `${name}/${each}`))];
}

const DIR = ["/", "/b: b", "/sub/", "/sub/c: c"];
const D = ["/", "/f: f", "/lf -> f", "/sub/", "/sub/s: s"];
const under = (name: string, lines: readonly string[]): string[] =>
  lines.map((line) => `${name}${line}`);

type Row = readonly [words: string, path: string, found: readonly string[]];

const INTO: readonly Row[] = [
  ["a web:/a1", "/a1", [": a"]],
  ["a web:/e", "/e", ["/", "/a: a"]],
  ["a web:/e/", "/e", ["/", "/a: a"]],
  ["a web:/e/.", "/e", ["/", "/a: a"]],
  ["a web:/plain", "/plain", [": a"]],
  ["a web:rel", "/rel", [": a"]],
  ["a web:/ld", "/d/a", [": a"]],
  ["a web:/ld/new", "/d/new", [": a"]],
  ["a web:/here", "/e/made", [": a"]],
  ["a web:/d/lf", "/d/f", [": a"]],
  ["dir web:/new", "/new", DIR],
  ["dir/ web:/new", "/new", DIR],
  ["dir/. web:/new", "/new", DIR],
  ["dir web:/new/", "/new", DIR],
  ["dir web:/e", "/e", ["/", ...under("/dir", DIR)]],
  ["dir/. web:/e", "/e", DIR],
  ["la web:/link", "/link", [" -> a"]],
  ["-L la web:/followed", "/followed", [": a"]],
  ["-L ldir web:/e", "/e", ["/", ...under("/ldir", DIR)]],
  ["ldir/ web:/new", "/new", DIR],
  ["ldir web:/e", "/e", ["/", "/ldir -> dir"]],
];

const OUT: readonly Row[] = [
  ["web:/plain out", "out", ["/", "/plain: plain"]],
  ["web:/plain out/", "out", ["/", "/plain: plain"]],
  ["web:/plain out/q", "out/q", [": plain"]],
  ["web:plain out/q", "out/q", [": plain"]],
  ["web:/plain a", "a", [": plain"]],
  ["web:/d out", "out", ["/", ...under("/d", D)]],
  ["web:/d out/n", "out/n", D],
  ["web:/d/ out/n", "out/n", D],
  ["web:/d/. out", "out", D],
  ["web:/d/. out/n", "out/n", D],
  ["web:/d out/n/", "out/n", D],
  ["web:/ld out", "out", ["/", "/ld -> /d"]],
  ["-L web:/ld out", "out", ["/", ...under("/ld", D)]],
  ["web:/ld/ out", "out", ["/", ...under("/ld", D)]],
  ["web:/ld/. out", "out", D],
  ["web:/d/lf out", "out", ["/", "/lf -> f"]],
  ["-L web:/d/lf out", "out", ["/", "/lf: f"]],
  ["-L web:/d/lf out/n", "out/n", [": f"]],
  ["web:/dangling out", "out", ["/", "/dangling -> /nope/x"]],
];

const REFUSED: readonly (readonly [words: string, says: string])[] = [
  ["a web:/nodir/", "no such directory"],
  ["a web:/nodir/x", "could not find the file /nodir in container web"],
  ["a web:/plain/", "no such directory"],
  ["a web:/dangling", "could not find the file /nope in container web"],
  ["dir web:/plain", "cannot copy directory"],
  ["dir/. web:/plain", "cannot copy directory"],
  ["a/ web:/x", "not a directory"],
  ["a/. web:/x", "not a directory"],
  ["nofile web:/x", "no such file or directory"],
  ["./a:b web:/", "no such file or directory"],
  ["-L ldir web:/onto", 'cannot overwrite non-directory "/onto/ldir" with a directory'],
  ["dir/. web:/blocked", 'cannot overwrite directory "/blocked/b" with something that is none'],
  ["web:/plain out/q/", "no such directory"],
  ["web:/plain out/no/q", "does not exist"],
  ["web:/plain/ out", "could not find the file /plain/ in container web"],
  ["web:/nope out", "could not find the file /nope in container web"],
  ["-L web:/dangling out", "could not find the file /nope/x in container web"],
  ["web:/d a", "cannot copy directory"],
  ["web:/plain blocked", "cannot overwrite directory"],
  ["web:/d onto", "cannot overwrite non-directory"],
  ["web:/d web:/e", "copying between containers is not supported"],
  ["a b", "must specify at least one container source"],
  ["- -", "must specify at least one container source"],
  [":/a out", "must specify at least one container source"],
  ["web: out", "path in the container is missing"],
  ["nobody:/a out", "no such container: nobody"],
  ["- web:/plain", 'destination "web:/plain" must be a directory'],
  ["- web:/none", 'destination "web:/none" must be a directory'],
];

export function copyCases({ nacre, start }: Tools): void {
  let local = "";
  const cp = (words: string, input = "") =>
    nacre({ workingDirectory: local, input }, "cp", ...words.split(" "));
  const done = { code: 0, out: "", err: "" };
  beforeEach(() => {
    local = temporaryDirectory();
    makeLocal(local);
  });
  afterEach(() => rmSync(local, { recursive: true }));

  const begin = async (more = "true") => {
    await start("web", `${more}; ${SCRIPT}`);
    const says = async () => (await nacre({}, "logs", "web")).out;
    await expect.poll(says, { timeout: 20_000 }).toBe("ready\n");
  };
  /** What is in the container now, by another copy. */
  const inside = async (path: string): Promise<string[]> => {
    rmSync(join(local, "seen"), { recursive: true, force: true });
    expect(await cp(`web:${path} seen`)).toEqual(done);
    return tree(join(local, "seen"));
  };

  it("copies into a container as docker does", async () => {
    for (const [words, path, found] of INTO) {
      await begin();
      expect(await cp(words), words).toEqual(done);
      expect(await inside(path), words).toEqual(found);
      await nacre({}, "rm", "-f", "web");
    }
  });

  it("copies out of a container as docker does", async () => {
    await begin();
    for (const [words, path, found] of OUT) {
      rmSync(local, { recursive: true });
      makeLocal(local);
      expect(await cp(words), words).toEqual(done);
      expect(tree(join(local, path)), words).toEqual(found);
    }
  });

  it("refuses to copy what docker refuses", async () => {
    await begin("mkdir -p /onto /blocked/b; ln -s /d /onto/ldir");
    mkdirSync(join(local, "blocked/plain"), { recursive: true });
    mkdirSync(join(local, "onto"));
    writeFileSync(join(local, "onto/d"), "");
    const before = tree(local);
    for (const [words, says] of REFUSED) {
      const { code, out, err } = await cp(words);
      expect({ code, out }, words).toEqual({ code: 1, out: "" });
      expect(err, words).toContain(says);
    }
    expect(tree(local)).toEqual(before);
  });

  it("writes tars, and unpacks them", async () => {
    await begin();
    const names = (tar: string) =>
      execFileSync("tar", ["-t"], { input: Buffer.from(tar, "latin1"), encoding: "utf8" });
    const out = async (words: string) => names((await cp(`${words} -`)).out);
    expect(await out("web:/d")).toBe("d/\nd/f\nd/lf\nd/sub/\nd/sub/s\n");
    expect(await out("web:/d/.")).toBe("./\n./f\n./lf\n./sub/\n./sub/s\n");
    expect(await out("web:/plain")).toBe("plain\n");
    expect(await out("web:/ld")).toBe("ld\n");
    expect(await out("-L web:/ld")).toContain("d/sub/s\n");
    expect(await out("web:/ld/")).toContain("ld/sub/s\n");
    for (const flags of ["-c", "-cz"]) {
      const tar = execFileSync("tar", ["-C", local, flags, "dir"]).toString("latin1");
      expect(await cp("- web:/e", tar)).toEqual(done);
      expect(await inside("/e")).toEqual(["/", ...under("/dir", DIR)]);
    }
    expect(await cp("- web:/e", "")).toEqual(done);
    expect((await cp("- web:/e", "garbage".repeat(100))).code).toBe(1);
  });

  it("keeps bits and fifos on the way out, but not those that would give the caller's powers away", async () => {
    const [uid, gid] = [process.getuid!(), process.getgid!()];
    const files = [
      `echo x >/k/mine; chown ${uid}:${gid} /k/mine; chmod 6755 /k/mine`,
      `echo x >/k/user; chown ${uid + 1}:${gid} /k/user; chmod 6755 /k/user`,
      `echo x >/k/group; chown ${uid}:${gid + 1} /k/group; chmod 6755 /k/group`,
      "mkdir /k/dir; chmod 3775 /k/dir; mkfifo /k/pipe; chmod 620 /k/pipe",
    ];
    await begin(["mkdir /k", ...files].join("; "));
    expect(await cp("web:/k out/k")).toEqual(done);
    const modes = readdirSync(join(local, "out/k")).map((name) => {
      const found = lstatSync(join(local, "out/k", name));
      return `${name} ${(found.mode & 0o7777).toString(8)} ${found.isFIFO()}`;
    });
    expect(modes.sort()).toEqual([
      "dir 3775 false",
      "group 4755 false",
      "mine 6755 false",
      "pipe 620 true",
      "user 2755 false",
    ]);
  });

  it("says how much was copied on a terminal, unless it shall not", async () => {
    await begin();
    const terminal = { workingDirectory: local, terminals: [1] };
    const { err } = await nacre(terminal, "cp", "a", "web:/a1");
    expect(err).toMatch(/^Successfully copied [23][.]0[57]kB to web:\/a1\n$/);
    const back = await nacre(terminal, "cp", "web:/a1", "out/a1");
    expect(back.err).toBe(`Successfully copied 2.05kB to ${local}/out/a1\n`);
    expect(await nacre(terminal, "cp", "-q", "a", "web:/a1")).toEqual(done);
    expect((await nacre(terminal, "cp", "web:/a1", "-")).code).toBe(1);
  });
}
