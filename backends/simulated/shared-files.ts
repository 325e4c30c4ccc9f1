// The engine's files where its state is real and the kernel is not: some directories of the state
// root are the host's and outlive the process, everything else (what containers write, cgroups,
// /proc) is the simulated machine's and ends with it.

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
import { fileFault } from "./file-fault.ts";

/** What of the host is shared with the simulated machine. */
export interface HostDirectories {
  readonly files: Files;
  /** The state root, absolute. It is the host's itself, for whoever waits for a change in it. */
  readonly root: string;
  /** Absolute paths below it; the machine sees them read-only. */
  readonly directories: readonly string[];
}

export class SharedFiles implements Files {
  readonly #machine: Files;
  readonly #host: HostDirectories;

  constructor(machine: Files, host: HostDirectories) {
    this.#machine = machine;
    this.#host = host;
  }

  #at(path: string): Files {
    const { files, root, directories } = this.#host;
    const shared = directories.some((top) => path === top || path.startsWith(`${top}/`));
    return shared || path === root ? files : this.#machine;
  }

  readText(path: string): string {
    return this.#at(path).readText(path);
  }
  readBytes(path: string): Uint8Array<ArrayBuffer> {
    return this.#at(path).readBytes(path);
  }
  readRange(path: string, offset: number, length: number): Uint8Array<ArrayBuffer> {
    return this.#at(path).readRange(path, offset, length);
  }
  readBeneath(directory: string, path: string, limitBytes: number): Uint8Array | undefined {
    return this.#at(directory).readBeneath(directory, path, limitBytes);
  }
  walk(directory: string, options?: WalkOptions): Iterable<TreeEntry> {
    return this.#at(directory).walk(directory, options);
  }
  find(directory: string, path: Uint8Array, follow: boolean): FoundEntry | undefined {
    return this.#at(directory).find(directory, path, follow);
  }
  openBeneath(directory: string, path: Uint8Array): Promise<FileReader | undefined> {
    return this.#at(directory).openBeneath(directory, path);
  }
  status(path: string): FileStatus | undefined {
    return this.#at(path).status(path);
  }
  readLink(path: string): string | undefined {
    return this.#at(path).readLink(path);
  }
  deviceAt(path: string): DeviceNode | undefined {
    return this.#at(path).deviceAt(path);
  }
  list(path: string): string[] {
    return this.#at(path).list(path);
  }
  makeDirectory(path: string, mode?: number): void {
    this.#at(path).makeDirectory(path, mode);
  }
  replace(path: string, content: string | Uint8Array): void {
    this.#at(path).replace(path, content);
  }
  control(path: string, text: string): void {
    this.#at(path).control(path, text);
  }
  rename(from: string, to: string): void {
    if (this.#at(from) !== this.#at(to)) throw fileFault("EXDEV", "rename", from);
    this.#at(from).rename(from, to);
  }
  remove(path: string): void {
    this.#at(path).remove(path);
  }
  removeTree(path: string): Promise<void> {
    return this.#at(path).removeTree(path);
  }
  create(path: string, options?: { readonly resume?: boolean }): Promise<FileWriter> {
    return this.#at(path).create(path, options);
  }
  sweep(directory: string, options: { readonly partials: boolean }): string[] {
    return this.#at(directory).sweep(directory, options);
  }
  open(path: string): Promise<FileReader> {
    return this.#at(path).open(path);
  }
  sync(path: string): Promise<void> {
    return this.#at(path).sync(path);
  }
  freeBytes(path: string): number {
    return this.#at(path).freeBytes(path);
  }
  changed(path: string, signal: AbortSignal): Promise<void> {
    return this.#at(path).changed(path, signal);
  }
}
