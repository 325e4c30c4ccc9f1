import { walkPath } from "@nacre/core/path-walk.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type {
  FileReader,
  FileStatus,
  Files,
  FileWriter,
  FoundEntry,
  TreeEntry,
  WalkOptions,
} from "@nacre/core/ports/files.ts";
import type { ErrnoName } from "./errno.ts";
import { fileFault } from "./file-fault.ts";
import { components, type FileNode, FileTree, type TreeNode } from "./file-tree.ts";
import { sortedNames } from "./tree-walk.ts";

export interface SimulatedFilesOptions {
  /** Size of the disk; what would not fit is `no-space`. */
  readonly capacityBytes?: number;
}

const OWNED = /\.(\d+)-\d+\.(tmp|partial)$/;
const BLOCK_BYTES = 4096;

/**
 * The engine's files in memory.
 *
 * Faults: `failAt = n` makes the n-th call from now that changes anything fail (1 is the next),
 * before it has changed anything; `changes` counts them, so that a test can let a run go well and
 * then repeat it with each call failing in turn. `crash()` is what SIGKILL does to this process's
 * writers: their bytes stay, under names whose owner is gone.
 */
export class SimulatedFiles implements Files {
  readonly #tree: FileTree;
  readonly #capacityBytes: number;
  readonly #watchers = new Set<{ readonly path: string; readonly notify: () => void }>();
  /** Stands for the process in temporary names. */
  #life = 1;
  #names = 0;
  #usedBytes = 0;
  /** How many calls have changed, or tried to change, something. */
  changes = 0;
  failAt: number | undefined;
  failWith: ErrnoName = "EIO";

  constructor(clock: Clock, options: SimulatedFilesOptions = {}) {
    this.#tree = new FileTree(() => clock.nowMs());
    this.#capacityBytes = options.capacityBytes ?? 1 << 30;
  }

  crash(): void {
    this.#life++;
  }

  readText(path: string): string {
    return new TextDecoder().decode(this.readBytes(path));
  }

  readBytes(path: string): Uint8Array<ArrayBuffer> {
    const { content } = this.#tree.file(path, "read");
    return content.read(0, content.size);
  }

  readRange(path: string, offset: number, length: number): Uint8Array<ArrayBuffer> {
    return this.#tree.file(path, "read").content.read(offset, length);
  }

  readBeneath(directory: string, path: string, limitBytes: number): Uint8Array | undefined {
    if (!isBeneath(path)) return undefined;
    const node = this.#tree.find(`${directory}/${path}`);
    if (node?.kind !== "file" || node.content.size > limitBytes) return undefined;
    return node.content.read(0, node.content.size);
  }

  walk(
    directory: string,
    { below = new Uint8Array(), enters = () => true }: WalkOptions = {},
  ): Iterable<TreeEntry> {
    const path = new TextDecoder().decode(below);
    const isOwn = below.length === 0 || isBeneath(path);
    const node = isOwn ? this.#tree.find(`${directory}/${path}`) : undefined;
    if (node?.kind === "directory") return walkNodes(node, path, enters);
    if (below.length > 0) return [];
    throw fileFault("ENOENT", "look at", directory);
  }

  find(directory: string, path: Uint8Array, follow: boolean): FoundEntry | undefined {
    const root = this.#tree.find(directory);
    if (root?.kind !== "directory") throw fileFault("ENOENT", "look at", directory);
    const step = (at: TreeNode, name: string) => {
      const place = at.kind === "directory" ? at.children.get(name) : undefined;
      return place && { place, kind: place.kind, target: "" };
    };
    const walked = walkPath<TreeNode>(root, new TextDecoder().decode(path), follow, step);
    if (!walked) return undefined;
    const own = walked.names.join("/");
    const entry = walked.place && entryOf(own, walked.place);
    return { path: new TextEncoder().encode(own), entry };
  }

  async openBeneath(directory: string, path: Uint8Array): Promise<FileReader | undefined> {
    const name = new TextDecoder().decode(path);
    const whole = `${directory}/${name}`;
    if (!isBeneath(name)) return undefined;
    return this.#tree.find(whole)?.kind === "file" ? this.open(whole) : undefined;
  }

  status(path: string): FileStatus | undefined {
    const node = this.#tree.find(path);
    if (!node) return undefined;
    const sizeBytes = node.kind === "file" ? node.content.size : BLOCK_BYTES;
    return {
      kind: node.kind,
      sizeBytes,
      allocatedBytes: node.kind === "file" ? node.content.allocatedBytes : BLOCK_BYTES,
      mode: node.kind === "file" ? 0o600 : node.mode,
      uid: 0,
      gid: 0,
      inode: node.inode,
      device: 1n,
      modifiedMs: node.modifiedMs,
    };
  }

  /** There are none on this disk. */
  readLink(_path: string): undefined {
    return undefined;
  }

  /** Neither are there devices. */
  deviceAt(_path: string): undefined {
    return undefined;
  }

  list(path: string): string[] {
    const node = this.#tree.find(path);
    if (!node) return [];
    if (node.kind !== "directory") throw fileFault("ENOTDIR", "list", path);
    return [...node.children.keys()];
  }

  makeDirectory(path: string, mode = 0o700): void {
    this.#change("make directory", path);
    this.#tree.makeDirectory(path, mode);
    this.#changed(path);
  }

  replace(path: string, content: string | Uint8Array): void {
    this.#change("write", path);
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const own = this.#ownName(path, "tmp");
    this.#append(this.#tree.createFile(own, "write"), own, bytes);
    this.#free(path);
    this.#tree.rename(own, path, "write");
    this.#changed(path);
  }

  control(path: string, text: string): void {
    this.#change("write", path);
    const node = this.#tree.file(path, "write");
    node.content.write(0, new TextEncoder().encode(text));
    this.#changed(path);
  }

  rename(from: string, to: string): void {
    this.#change("rename", from);
    if (from !== to && this.#tree.find(from)?.kind === "file") this.#free(to);
    this.#tree.rename(from, to, "rename");
    this.#changed(from);
    this.#changed(to);
  }

  remove(path: string): void {
    this.#change("remove", path);
    this.#free(path);
    this.#tree.remove(path);
    this.#changed(path);
  }

  async removeTree(path: string): Promise<void> {
    this.#change("remove", path);
    const node = this.#tree.find(path);
    if (!node) return;
    this.#usedBytes -= sizeOf(node);
    this.#tree.unlink(path);
    this.#changed(path);
  }

  async create(path: string, options: { readonly resume?: boolean } = {}): Promise<FileWriter> {
    this.#change("create", path);
    const resume = options.resume ?? false;
    const own = this.#ownName(path, resume ? "partial" : "tmp");
    const left = resume ? this.#leftOf(path) : undefined;
    if (left === undefined) this.#tree.createFile(own, "create");
    else this.#tree.rename(left, own, "create");
    return this.#writer(path, own, resume);
  }

  sweep(directory: string, options: { readonly partials: boolean }): string[] {
    const left = this.list(directory).filter(
      (name) =>
        this.#abandoned(name, "tmp") || (options.partials && this.#abandoned(name, "partial")),
    );
    for (const name of left) this.remove(`${directory}/${name}`);
    return left;
  }

  async open(path: string): Promise<FileReader> {
    const { content, inode } = this.#tree.file(path, "open");
    return {
      inode,
      sizeBytes: content.size,
      read: async (offset, length) => content.read(offset, length),
      close: async () => {},
    };
  }

  async sync(path: string): Promise<void> {
    this.#change("flush", path);
    if (!this.#tree.find(path)) throw fileFault("ENOENT", "flush", path);
  }

  freeBytes(path: string): number {
    if (!this.#tree.find(path)) throw fileFault("ENOENT", "look at", path);
    return this.#capacityBytes - this.#usedBytes;
  }

  changed(path: string, signal: AbortSignal): Promise<void> {
    if (!this.#tree.find(path)) return Promise.reject(fileFault("ENOENT", "watch", path));
    return new Promise((resolve) => {
      const watcher = { path: `/${components(path).join("/")}`, notify: () => end() };
      const end = (): void => {
        this.#watchers.delete(watcher);
        signal.removeEventListener("abort", end);
        resolve();
      };
      if (signal.aborted) {
        resolve();
        return;
      }
      this.#watchers.add(watcher);
      signal.addEventListener("abort", end, { once: true });
    });
  }

  /** Counts a call, and fails it if it is its turn. */
  #change(action: string, path: string): void {
    this.changes++;
    if (this.failAt !== undefined && --this.failAt === 0) {
      this.failAt = undefined;
      throw fileFault(this.failWith, action, path);
    }
  }

  #changed(path: string): void {
    const names = components(path);
    const own = `/${names.join("/")}`;
    const parent = `/${names.slice(0, -1).join("/")}`;
    for (const watcher of [...this.#watchers]) {
      if (watcher.path === own || watcher.path === parent) watcher.notify();
    }
  }

  #append(node: FileNode, path: string, bytes: Uint8Array): void {
    if (this.#usedBytes + bytes.length > this.#capacityBytes) {
      throw fileFault("ENOSPC", "write", path);
    }
    this.#usedBytes += bytes.length;
    node.content.write(node.content.size, bytes);
  }

  /** Before a file's name is given to another, or to nobody. */
  #free(path: string): void {
    const node = this.#tree.find(path);
    if (node?.kind === "file") this.#usedBytes -= node.content.size;
  }

  #ownName(path: string, ending: "tmp" | "partial"): string {
    return `${path}.${this.#life}-${this.#names++}.${ending}`;
  }

  #abandoned(name: string, ending: "tmp" | "partial"): boolean {
    const match = OWNED.exec(name);
    if (!match) return ending === "partial" && name.endsWith(".partial");
    return match[2] === ending && Number(match[1]) !== this.#life;
  }

  /** What an earlier writer of `path` left for the next one. */
  #leftOf(path: string): string | undefined {
    const names = components(path);
    const base = names.pop() ?? "";
    const directory = `/${names.join("/")}`;
    const name = this.list(directory).find(
      (candidate) =>
        this.#abandoned(candidate, "partial") &&
        (candidate === `${base}.partial` || candidate.replace(OWNED, "") === base),
    );
    return name === undefined ? undefined : `${directory}/${name}`;
  }

  #writer(final: string, path: string, resume: boolean): FileWriter {
    const node = this.#tree.file(path, "create");
    let open = true;
    const end = (work: () => void): void => {
      if (open) work();
      open = false;
    };
    const discard = (): void => {
      this.#free(path);
      this.#tree.unlink(path);
    };
    return {
      path,
      get sizeBytes() {
        return node.content.size;
      },
      write: async (bytes) => {
        this.#change("write", final);
        this.#append(node, final, bytes);
        this.#changed(path);
      },
      commit: async () =>
        end(() => {
          this.#change("name", final);
          this.#free(final);
          this.#tree.rename(path, final, "name");
          this.#changed(final);
        }),
      suspend: async () =>
        end(() => {
          if (!resume || node.content.size === 0) discard();
          else this.#tree.rename(path, `${final}.partial`, "keep");
        }),
      discard: async () => end(discard),
    };
  }
}

/** Whether it names something below a directory, in the one way that there is. */
const isBeneath = (path: string): boolean =>
  path.split("/").every((name) => name !== "" && name !== "." && name !== "..");

function sizeOf(node: TreeNode): number {
  if (node.kind === "file") return node.content.size;
  return [...node.children.values()].reduce((sum, child) => sum + sizeOf(child), 0);
}

function* walkNodes(
  directory: Extract<TreeNode, { kind: "directory" }>,
  path: string,
  enters: (directory: TreeEntry) => boolean,
): Generator<TreeEntry> {
  for (const name of sortedNames(directory.children.keys())) {
    const node = directory.children.get(name) as TreeNode;
    const own = path === "" ? name : `${path}/${name}`;
    const entry = entryOf(own, node);
    yield entry;
    if (node.kind === "directory" && enters(entry)) yield* walkNodes(node, own, enters);
  }
}

function entryOf(path: string, node: TreeNode): TreeEntry {
  const isFile = node.kind === "file";
  return {
    path: new TextEncoder().encode(path),
    kind: node.kind,
    ...{ mode: isFile ? 0o600 : node.mode, uid: 0, gid: 0, links: 1 },
    mtimeSeconds: Math.floor(node.modifiedMs / 1000),
    mtimeNanoseconds: (node.modifiedMs % 1000) * 1e6,
    sizeBytes: isFile ? node.content.size : 0,
    allocatedBytes: isFile ? node.content.allocatedBytes : BLOCK_BYTES,
    ...{ inode: node.inode, device: 1n },
    target: new Uint8Array(),
    attributes: [],
  };
}
