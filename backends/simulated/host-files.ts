// The engine's files on the machine's own tree, so that what the engine writes is what programs
// mount and bind, and what a supervisor writes is what the engine reads.

import type {
  DeviceNode,
  FileReader,
  FileStatus,
  Files,
  FileWriter,
  FoundEntry,
  TreeEntry,
  WalkOptions,
} from "@nacre/core/ports/files.ts";
import { readAt } from "./device-files.ts";
import { Errno, errnoOf, fail } from "./errno.ts";
import type { Fault, Point } from "./faults.ts";
import * as calls from "./file-calls.ts";
import { fileFault } from "./file-fault.ts";
import { untilChanged } from "./file-watch.ts";
import type { Inode } from "./inode.ts";
import type { Machine } from "./machine.ts";
import type { Path } from "./mount.ts";
import { lookup } from "./path-lookup.ts";
import { type Process, ProcessGone } from "./process.ts";
import { findBelow, placeBeneath, seen, statusOf, walkTree } from "./tree-walk.ts";

/** PATH.PID-START-N.tmp: who writes it, as on Linux (temporary names there have the pid namespace, too). */
const OWNED = /\.(\d+)-(\d+)-\d+\.(tmp|partial)$/;
const NO_LIMIT_BYTES = 2 ** 40;

export class HostFiles implements Files {
  readonly #machine: Machine;
  readonly #process: Process;
  #names = 0;

  constructor(machine: Machine, process: Process) {
    this.#machine = machine;
    this.#process = process;
  }

  /** Runs system calls; what they fail with becomes a NacreError that names the path. */
  #attempt<T>(action: string, path: string, work: () => T): T {
    try {
      if (!this.#process.alive) throw new ProcessGone();
      return this.#machine.as(this.#process, work);
    } catch (error) {
      throw error instanceof Errno ? fileFault(error.errno, action, path) : error;
    }
  }

  /** Before each system call that may be made to fail. A process that is killed there makes none. */
  #reach(call: string, path: string, bytes?: number): Fault | undefined {
    const { faults } = this.#machine;
    if (!faults) return undefined;
    const size = bytes === undefined ? {} : { bytes };
    const point: Point = { actor: "files", call, path, ...size };
    const fault = faults.before(point, this.#process);
    if (!this.#process.alive) throw new ProcessGone();
    return fault;
  }

  /** The same before one that waits: others go on while it is slow. */
  async #reachSlowly(action: string, call: string, path: string, bytes?: number) {
    const { faults, clock } = this.#machine;
    if (!faults) return undefined;
    const size = bytes === undefined ? {} : { bytes };
    const fault = this.#attempt(action, path, () =>
      faults.reach({ actor: "files", call, path, ...size }, this.#process),
    );
    if (fault?.do === "delay") await clock.sleep(fault.ms);
    if (!this.#process.alive) throw new ProcessGone();
    return fault;
  }

  /** write(2) until all is written, in two parts where it is to be short. */
  #append(inode: Inode, path: string, bytes: Uint8Array): void {
    const { length } = bytes;
    const first = this.#reach("write", path, length)?.do === "short" ? length >> 1 : length;
    inode.write(inode.size, bytes.subarray(0, first));
    if (first === length) return;
    this.#reach("write", path, length - first);
    inode.write(inode.size, bytes.subarray(first));
  }

  #lookup(path: string): Path | undefined {
    try {
      return lookup(this.#process, path, { follow: false });
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === "ENOENT" || errno === "ENOTDIR") return undefined;
      throw error;
    }
  }

  #open(path: string): Inode {
    const { inode } = calls.open(this.#process, path, { read: true }).dentry;
    return inode.kind === "directory" ? fail("EISDIR") : inode;
  }

  readText(path: string): string {
    return new TextDecoder().decode(this.readBytes(path));
  }

  readBytes(path: string): Uint8Array<ArrayBuffer> {
    return this.#attempt("read", path, () => {
      this.#reach("read", path);
      const inode = this.#open(path);
      // What a kernel makes up when it is read has no size.
      return readAt(inode, 0, inode.size || 1 << 20);
    });
  }

  readRange(path: string, offset: number, length: number): Uint8Array<ArrayBuffer> {
    return this.#attempt("read", path, () => {
      this.#reach("read", path);
      return readAt(this.#open(path), offset, length);
    });
  }

  readBeneath(directory: string, path: string, limitBytes: number): Uint8Array | undefined {
    return this.#attempt("read", path, () => {
      this.#reach("read", `${directory}/${path}`);
      const start = this.#lookup(directory);
      const inode = start && placeBeneath(start, new TextEncoder().encode(path))?.dentry.inode;
      if (inode?.kind !== "file" || inode.size > limitBytes) return undefined;
      return inode.read(0, inode.size);
    });
  }

  /** All of it at once: nothing changes between two calls of one process. */
  walk(directory: string, options: WalkOptions = {}): Iterable<TreeEntry> {
    return this.#attempt("look at", directory, () => {
      this.#reach("walk", directory);
      const found = [...walkTree(lookup(this.#process, directory), options)];
      return found.map((entry) => seen(this.#process, entry));
    });
  }

  find(directory: string, path: Uint8Array, follow: boolean): FoundEntry | undefined {
    return this.#attempt("look at", directory, () => {
      this.#reach("find", directory);
      const found = findBelow(lookup(this.#process, directory), path, follow);
      return found?.entry ? { ...found, entry: seen(this.#process, found.entry) } : found;
    });
  }

  async openBeneath(directory: string, path: Uint8Array): Promise<FileReader | undefined> {
    return this.#attempt("open", directory, () => {
      this.#reach("open", directory);
      const inode = placeBeneath(lookup(this.#process, directory), path)?.dentry.inode;
      return inode?.kind === "file" ? this.#reader(directory, inode) : undefined;
    });
  }

  status(path: string): FileStatus | undefined {
    return this.#attempt("look at", path, () => {
      this.#reach("status", path);
      const found = this.#lookup(path);
      return found && seen(this.#process, statusOf(found.dentry.inode));
    });
  }

  readLink(path: string): string | undefined {
    return this.#attempt("read", path, () => {
      const inode = this.#lookup(path)?.dentry.inode;
      return inode?.kind === "symlink" ? inode.readLink() : undefined;
    });
  }

  deviceAt(path: string): DeviceNode | undefined {
    return this.#attempt("look at", path, () => {
      try {
        const { kind, device } = lookup(this.#process, path).dentry.inode;
        if ((kind !== "character" && kind !== "block") || !device) return undefined;
        return { type: kind, ...device };
      } catch (error) {
        if (errnoOf(error) === "ENOENT") return undefined;
        throw error;
      }
    });
  }

  list(path: string): string[] {
    return this.#attempt("list", path, () => {
      this.#reach("list", path);
      const found = this.#lookup(path);
      if (!found) return [];
      return [...lookup(this.#process, path).dentry.inode.names()];
    });
  }

  makeDirectory(path: string, mode = 0o700): void {
    this.#attempt("make directory", path, () => this.#makeDirectories(path, mode));
  }

  #makeDirectories(path: string, mode: number): void {
    this.#reach("makeDirectory", path);
    try {
      calls.makeDirectory(this.#process, path, mode);
    } catch (error) {
      const errno = errnoOf(error);
      const parent = path.slice(0, path.replace(/\/+$/, "").lastIndexOf("/"));
      if (errno === "EEXIST") {
        if (lookup(this.#process, path).dentry.inode.kind !== "directory") throw error;
        return;
      }
      if (errno !== "ENOENT" || parent === "") throw error;
      this.#makeDirectories(parent, 0o700);
      this.#makeDirectories(path, mode);
      return;
    }
    // mkdir(2) lets the umask take from the mode: this sets it.
    calls.setAttributes(this.#process, lookup(this.#process, path), { mode });
  }

  #create(path: string): Inode {
    this.#reach("create", path);
    const how = { write: true, create: true, exclusive: true, mode: 0o600 };
    return calls.open(this.#process, path, how).dentry.inode;
  }

  replace(path: string, content: string | Uint8Array): void {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    this.#attempt("write", path, () => {
      const own = this.#ownName(path, "tmp");
      try {
        this.#append(this.#create(own), own, bytes);
        this.#reach("rename", path);
        calls.rename(this.#process, own, path);
      } catch (error) {
        if (this.#process.alive && this.#lookup(own)) calls.unlink(this.#process, own);
        throw error;
      }
    });
  }

  control(path: string, text: string): void {
    this.#attempt("write", path, () => {
      this.#reach("control", path);
      const { inode } = calls.open(this.#process, path, { write: true }).dentry;
      inode.write(0, new TextEncoder().encode(text));
    });
  }

  rename(from: string, to: string): void {
    this.#attempt("rename", from, () => {
      this.#reach("rename", to);
      calls.rename(this.#process, from, to);
    });
  }

  remove(path: string): void {
    this.#attempt("remove", path, () => {
      this.#reach("remove", path);
      const kind = this.#lookup(path)?.dentry.inode.kind;
      if (kind === "directory") calls.removeDirectory(this.#process, path);
      else calls.unlink(this.#process, path);
    });
  }

  async removeTree(path: string): Promise<void> {
    this.#attempt("remove", path, () => {
      const top = this.#lookup(path);
      if (!top) return;
      if (top.dentry === top.mount.root) fail("EBUSY");
      this.#removeBelow(path, top);
    });
  }

  #removeBelow(path: string, at: Path): void {
    if (at.dentry.inode.kind !== "directory") {
      this.#reach("remove", path);
      calls.unlink(this.#process, path);
      return;
    }
    for (const name of [...at.dentry.inode.names()]) {
      const below = lookup(this.#process, name, { start: at, follow: false });
      if (below.mount !== at.mount) fail("EBUSY");
      this.#removeBelow(`${path}/${name}`, below);
    }
    this.#reach("remove", path);
    calls.removeDirectory(this.#process, path);
  }

  async create(path: string, options: { readonly resume?: boolean } = {}): Promise<FileWriter> {
    return this.#attempt("create", path, () => {
      const resume = options.resume ?? false;
      const own = this.#ownName(path, resume ? "partial" : "tmp");
      const left = resume ? this.#leftOf(path) : undefined;
      if (left === undefined) return this.#writer(path, own, this.#create(own), resume);
      this.#reach("rename", own);
      calls.rename(this.#process, left, own);
      const { inode } = calls.open(this.#process, own, { write: true }).dentry;
      return this.#writer(path, own, inode, resume);
    });
  }

  #writer(final: string, path: string, inode: Inode, resume: boolean): FileWriter {
    let open = true;
    const end = (action: string, work: () => void): void => {
      if (open) this.#attempt(action, final, work);
      open = false;
    };
    const discard = (): void => {
      this.#reach("remove", path);
      calls.unlink(this.#process, path);
    };
    const rename = (to: string): void => {
      this.#reach("rename", to);
      calls.rename(this.#process, path, to);
    };
    return {
      path,
      get sizeBytes() {
        return inode.size;
      },
      write: async (bytes) => this.#attempt("write", final, () => this.#append(inode, path, bytes)),
      commit: async () => end("name", () => rename(final)),
      suspend: async () =>
        end("keep", () => {
          if (!resume || inode.size === 0) discard();
          else rename(`${final}.partial`);
        }),
      discard: async () => end("remove", discard),
    };
  }

  sweep(directory: string, options: { readonly partials: boolean }): string[] {
    const left = this.list(directory).filter(
      (name) =>
        this.#abandoned(name, "tmp") || (options.partials && this.#abandoned(name, "partial")),
    );
    for (const name of left) this.remove(`${directory}/${name}`);
    return left;
  }

  /** Temporary names say whose they are: another engine's process may live, or be gone. */
  #ownName(path: string, ending: "tmp" | "partial"): string {
    const { pid, startTime } = this.#process;
    return `${path}.${pid}-${startTime}-${this.#names++}.${ending}`;
  }

  #abandoned(name: string, ending: "tmp" | "partial"): boolean {
    const match = OWNED.exec(name);
    if (!match) return ending === "partial" && name.endsWith(".partial");
    const [, pid, startTime, found] = match;
    const owner = this.#machine.processes.find(Number(pid));
    return found === ending && !(owner?.alive && String(owner.startTime) === startTime);
  }

  #leftOf(path: string): string | undefined {
    const slash = path.lastIndexOf("/");
    const [directory, base] = [path.slice(0, slash) || "/", path.slice(slash + 1)];
    const name = this.list(directory).find(
      (candidate) =>
        this.#abandoned(candidate, "partial") &&
        (candidate === `${base}.partial` || candidate.replace(OWNED, "") === base),
    );
    return name === undefined ? undefined : `${directory}/${name}`;
  }

  async open(path: string): Promise<FileReader> {
    return this.#attempt("open", path, () => {
      this.#reach("open", path);
      return this.#reader(path, this.#open(path));
    });
  }

  #reader(path: string, inode: Inode): FileReader {
    return {
      inode: inode.number,
      sizeBytes: inode.size,
      read: async (offset, length) => {
        await this.#reachSlowly("read", "read", path);
        return this.#attempt("read", path, () => readAt(inode, offset, length));
      },
      close: async () => {},
    };
  }

  async sync(path: string): Promise<void> {
    await this.#reachSlowly("flush", "sync", path);
    this.#attempt("flush", path, () => lookup(this.#process, path).dentry.inode.sync());
  }

  freeBytes(path: string): number {
    return this.#attempt("look at", path, () => {
      const { mount } = lookup(this.#process, path);
      return mount.superblock.freeBytes() ?? NO_LIMIT_BYTES;
    });
  }

  async changed(path: string, signal: AbortSignal): Promise<void> {
    const { inode } = this.#attempt("watch", path, () => lookup(this.#process, path)).dentry;
    await untilChanged(this.#machine, inode, signal);
  }
}
