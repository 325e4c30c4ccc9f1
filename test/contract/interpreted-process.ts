// A process of a kernel in memory, as far as a Runtime sees one: files in a map, streams in arrays.

import type { InterpretedProcess } from "@nacre/core/ports/runtime.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

class FileError extends Error {
  readonly errno: string;

  constructor(errno: string, path: string) {
    super(`${errno}: ${path}`);
    this.errno = errno;
  }
}

/** Bytes by absolute path; a directory is what something lies below, or a path that ends with `/`. */
export class MapFiles {
  readonly entries: Map<string, Uint8Array | "directory">;

  constructor(files: Readonly<Record<string, Uint8Array | string>>) {
    this.entries = new Map([["/", "directory"]]);
    for (const [path, content] of Object.entries(files)) {
      const parts = path.split("/").slice(1, -1);
      for (let i = 1; i <= parts.length; i++) {
        this.entries.set(`/${parts.slice(0, i).join("/")}`, "directory");
      }
      if (path.endsWith("/")) continue;
      this.entries.set(path, typeof content === "string" ? encoder.encode(content) : content);
    }
  }

  #get(path: string): Uint8Array | "directory" {
    return this.entries.get(path) ?? this.#fail("ENOENT", path);
  }
  #fail(errno: string, path: string): never {
    throw new FileError(errno, path);
  }
  readBytes(path: string): Uint8Array {
    const found = this.#get(path);
    return found === "directory" ? this.#fail("EISDIR", path) : found;
  }
  list(path: string): string[] {
    if (this.#get(path) !== "directory") this.#fail("ENOTDIR", path);
    const below = path === "/" ? "/" : `${path}/`;
    return [...this.entries.keys()]
      .filter((each) => each !== "/" && each.startsWith(below))
      .map((each) => each.slice(below.length))
      .filter((name) => !name.includes("/"));
  }
  status(path: string) {
    const found = this.#get(path);
    const isDirectory = found === "directory";
    return {
      kind: isDirectory ? "directory" : "file",
      mode: isDirectory ? 0o040755 : 0o100644,
      sizeBytes: isDirectory ? 0 : found.length,
    };
  }
  readLink(path: string): string {
    return this.#fail("EINVAL", path);
  }
  write(path: string, data: Uint8Array): void {
    this.entries.set(path, data.slice());
  }
  makeDirectory(path: string): void {
    this.entries.set(path, "directory");
  }
  remove(path: string): void {
    this.readBytes(path);
    this.entries.delete(path);
  }
  removeDirectory(path: string): void {
    if (this.list(path).length > 0) this.#fail("ENOTEMPTY", path);
    this.entries.delete(path);
  }
  workingDirectory(): string {
    return "/";
  }
}

export interface ProcessGiven {
  readonly environment?: Readonly<Record<string, string>>;
  readonly files: MapFiles;
  readonly input?: readonly string[];
}

export class MemoryProcess implements InterpretedProcess {
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly files: MapFiles;
  readonly stdin: InterpretedProcess["stdin"];
  readonly stdout: InterpretedProcess["stdout"];
  readonly stderr: InterpretedProcess["stderr"];
  readonly #ended = new AbortController();
  readonly signal: AbortSignal = this.#ended.signal;
  readonly handlers = new Map<number, () => void>();
  readonly sleptMs: number[] = [];
  output = "";
  errors = "";

  constructor(command: readonly string[], { environment = {}, files, input = [] }: ProcessGiven) {
    this.arguments = ["/dev/.nacre/runtime/run", ...command];
    this.environment = environment;
    this.files = files;
    const chunks = input.map((text) => encoder.encode(text));
    this.stdin = { read: async () => chunks.shift() };
    const text = (data: string | Uint8Array) =>
      typeof data === "string" ? data : decoder.decode(data);
    this.stdout = {
      write: async (data) => {
        this.output += text(data);
      },
    };
    this.stderr = {
      write: async (data) => {
        this.errors += text(data);
      },
    };
  }

  async sleep(delayMs: number): Promise<void> {
    this.sleptMs.push(delayMs);
  }
  handle(signal: number, handler: () => void): void {
    this.handlers.set(signal, handler);
  }
  /** SIGKILL. */
  kill(): void {
    this.#ended.abort();
  }
}
