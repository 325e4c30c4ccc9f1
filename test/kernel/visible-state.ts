// What a process sees of its tree and its mounts, in the same form for both kernels.

import { type BigIntStats, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { SimulatedKernel } from "@nacre/simulated/kernel.ts";
import { ProgramFiles } from "@nacre/simulated/program-files.ts";

export interface View {
  /** `target root type options propagation`, in the order in which they were made. */
  readonly mounts: readonly string[];
  /** `path: kind mode owner …`. */
  readonly tree: readonly string[];
}

const DEEPEST = 7;
/** /bin is the same everywhere; what an overlay keeps in its work directory is its own affair. */
const NOT_COMPARED = ["/bin", "/work/work", "/layers/work/work"];

interface Thing {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly links: number;
  readonly seconds: number;
}

interface Tree {
  names(path: string): string[];
  thing(path: string): Thing;
  link(path: string): string;
  text(path: string): string;
}

const TYPES = 0o170000;
const DIRECTORY = 0o040000;
const SYMLINK = 0o120000;
const FILE = 0o100000;

/** Times before this were set; later ones are when it happened, which differs. */
const SET_BEFORE_SECONDS = 1_000_000_001;

function line(tree: Tree, path: string): string {
  const { mode, uid, gid, size, links, seconds } = tree.thing(path);
  const words: (string | number)[] = [mode.toString(8), `${uid}:${gid}`];
  const type = mode & TYPES;
  if (type === SYMLINK) words.push(tree.link(path));
  else if (type === FILE) words.push(size, `links ${links}`, tree.text(path).slice(0, 20));
  if (seconds < SET_BEFORE_SECONDS) words.push(`at ${seconds}`);
  return `${path}: ${words.join(" ")}`;
}

function walk(tree: Tree, path: string, depth: number): string[] {
  const own = line(tree, path);
  const isDirectory = (tree.thing(path).mode & TYPES) === DIRECTORY;
  if (!isDirectory || depth === DEEPEST || NOT_COMPARED.includes(path)) return [own];
  const below = tree
    .names(path)
    .sort()
    .flatMap((name) => walkIfThere(tree, `${path === "/" ? "" : path}/${name}`, depth + 1));
  return [own, ...below];
}

/** An overlay lists whiteouts where it merges nothing, and trapped layers: names of nothing. */
function walkIfThere(tree: Tree, path: string, depth: number): string[] {
  try {
    return walk(tree, path, depth);
  } catch (error) {
    const { code, errno } = error as { code?: string; errno?: string };
    return [`${path}: ${code ?? errno}`];
  }
}

/** Lines of mountinfo without what only names or numbers things: IDs, devices, peer groups. */
function mountLines(mountinfo: string): string[] {
  return mountinfo
    .split("\n")
    .filter((text) => text !== "")
    .map((text) => text.split(" "))
    .map((fields) => {
      const end = fields.indexOf("-");
      const spread = fields.slice(6, end).map((field) => field.replace(/:\d+$/, ""));
      return [fields[4], fields[5], fields[end + 1], ...spread].join(" ");
    })
    .filter((text) => !text.startsWith("/bin/sleep "));
}

export function realView(pid: number): View {
  const root = `/proc/${pid}/root`;
  const stats = (path: string): BigIntStats => lstatSync(`${root}${path}`, { bigint: true });
  const tree: Tree = {
    names: (path) => readdirSync(`${root}${path}`),
    thing: (path) => {
      const { mode, uid, gid, size, nlink, mtimeNs } = stats(path);
      const seconds = Number(
        (mtimeNs - (((mtimeNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n)) /
          1_000_000_000n,
      );
      return {
        mode: Number(mode),
        uid: Number(uid),
        gid: Number(gid),
        size: Number(size),
        links: Number(nlink),
        seconds,
      };
    },
    link: (path) => readlinkSync(`${root}${path}`),
    text: (path) => readFileSync(`${root}${path}`, "latin1"),
  };
  return {
    mounts: mountLines(readFileSync(`/proc/${pid}/mountinfo`, "utf8")),
    tree: walk(tree, "/", 0),
  };
}

export function simulatedView(kernel: SimulatedKernel, pid: number): View {
  const process = kernel.machine.processes.find(pid);
  if (!process) throw new Error(`no process ${pid}`);
  const files = new ProgramFiles(kernel.machine, process);
  const tree: Tree = {
    names: (path) => files.list(path),
    thing: (path) => {
      const { mode, uid, gid, sizeBytes, links, mtime } = files.status(path, { follow: false });
      return { mode, uid, gid, size: sizeBytes, links, seconds: mtime.seconds };
    },
    link: (path) => files.readLink(path),
    text: (path) => files.readText(path),
  };
  const mountinfo = kernel.hostFiles().readText(`/proc/${pid}/mountinfo`);
  return { mounts: mountLines(mountinfo), tree: walk(tree, "/", 0) };
}
