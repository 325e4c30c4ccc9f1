// The tree of a process in the form in which just-bash's tools ask for it. Every call is a system
// call of the process: its root, its permissions, its errors.

import type { FsStat, IFileSystem } from "just-bash";
import { errnoOf } from "../errno.ts";
import { errorText } from "../error-text.ts";
import type { ProgramContext } from "../program.ts";
import type { FileInformation, ProgramFiles } from "../program-files.ts";

/** Where just-bash looks for a file before it runs a command of its own. */
export const TOOLS = "/usr/bin";

function statOf(found: FileInformation): FsStat {
  return {
    isFile: found.kind === "file",
    isDirectory: found.kind === "directory",
    isSymbolicLink: found.kind === "symlink",
    mode: found.mode & 0o7777,
    size: found.sizeBytes,
    mtime: new Date(found.mtime.seconds * 1000 + found.mtime.nanoseconds / 1e6),
    dev: found.device,
    ino: found.inode,
    identity: `${found.device}:${found.inode}`,
  };
}

const STUB: FsStat = {
  isFile: true,
  isDirectory: false,
  isSymbolicLink: false,
  mode: 0o755,
  size: 0,
  mtime: new Date(0),
};

/** As Node says it, which is what the tools look for: `ENOENT: no such file or directory, …`. */
async function saying<T>(call: string, path: string, work: () => T): Promise<T> {
  try {
    return work();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    const text = errorText(error).replace(/^./, (first) => first.toLowerCase());
    throw Object.assign(new Error(`${errno}: ${text}, ${call} '${path}'`), { code: errno });
  }
}

const bytesOf = (content: string | Uint8Array, encoding: unknown): Uint8Array =>
  typeof content !== "string"
    ? content
    : encoding === "latin1" || encoding === "binary"
      ? Uint8Array.from(content, (character) => character.charCodeAt(0))
      : new TextEncoder().encode(content);

const encodingOf = (options: unknown): unknown =>
  typeof options === "object" && options !== null && "encoding" in options
    ? options.encoding
    : options;

const below = (directory: string, name: string): string =>
  directory.endsWith("/") ? directory + name : `${directory}/${name}`;

export class ToolFiles implements IFileSystem {
  readonly #context: ProgramContext;
  /** Paths of what just-bash can run here, whatever the tree has. */
  readonly #stubs: ReadonlySet<string>;

  constructor(context: ProgramContext, commands: readonly string[]) {
    this.#context = context;
    this.#stubs = new Set(commands.map((name) => `${TOOLS}/${name}`));
  }

  #isStub(path: string): boolean {
    return this.#stubs.has(path) && this.#files.kindOf(path) === undefined;
  }

  get #files(): ProgramFiles {
    return this.#context.files;
  }

  readFile(path: string, options?: unknown): Promise<string> {
    const latin = ["latin1", "binary"].includes(String(encodingOf(options)));
    return saying("open", path, () =>
      new TextDecoder(latin ? "latin1" : "utf-8").decode(this.#files.readBytes(path)),
    );
  }
  readFileBuffer(path: string): Promise<Uint8Array> {
    return saying("open", path, () => this.#files.readBytes(path));
  }
  writeFile(path: string, content: string | Uint8Array, options?: unknown): Promise<void> {
    const bytes = bytesOf(content, encodingOf(options));
    return saying("open", path, () => this.#files.write(path, bytes));
  }
  appendFile(path: string, content: string | Uint8Array, options?: unknown): Promise<void> {
    const bytes = bytesOf(content, encodingOf(options));
    return saying("open", path, () => this.#files.write(path, bytes, { append: true }));
  }
  async exists(path: string): Promise<boolean> {
    return this.#stubs.has(path) || this.#files.kindOf(path) !== undefined;
  }
  stat(path: string): Promise<FsStat> {
    if (this.#isStub(path)) return Promise.resolve(STUB);
    return saying("stat", path, () => statOf(this.#files.status(path)));
  }
  lstat(path: string): Promise<FsStat> {
    if (this.#isStub(path)) return Promise.resolve(STUB);
    return saying("lstat", path, () => statOf(this.#files.status(path, { follow: false })));
  }
  mkdir(path: string, options: { readonly recursive?: boolean } = {}): Promise<void> {
    return saying("mkdir", path, () => this.#makeDirectory(path, options.recursive ?? false));
  }

  #makeDirectory(path: string, recursive: boolean): void {
    const there = this.#files.kindOf(path);
    if (recursive && there === "directory") return;
    const parent = path.slice(0, path.lastIndexOf("/"));
    if (recursive && parent !== "") this.#makeDirectory(parent, true);
    this.#files.makeDirectory(path);
  }

  readdir(path: string): Promise<string[]> {
    return saying("scandir", path, () => this.#files.list(path));
  }
  rm(
    path: string,
    options: { readonly recursive?: boolean; readonly force?: boolean } = {},
  ): Promise<void> {
    return saying("rm", path, () => {
      if (options.force && this.#files.kindOf(path, { follow: false }) === undefined) return;
      this.#remove(path, options.recursive ?? false);
    });
  }

  #remove(path: string, recursive: boolean): void {
    if (this.#files.status(path, { follow: false }).kind !== "directory") {
      this.#files.remove(path);
      return;
    }
    if (recursive) for (const name of this.#files.list(path)) this.#remove(below(path, name), true);
    this.#files.removeDirectory(path);
  }

  cp(source: string, target: string): Promise<void> {
    return saying("cp", source, () => this.#copy(source, target));
  }

  #copy(source: string, target: string): void {
    const found = this.#files.status(source, { follow: false });
    const mode = found.mode & 0o7777;
    if (found.kind === "symlink") this.#files.makeSymlink(this.#files.readLink(source), target);
    else if (found.kind === "directory") {
      if (this.#files.kindOf(target) !== "directory") this.#files.makeDirectory(target, mode);
      for (const name of this.#files.list(source)) {
        this.#copy(below(source, name), below(target, name));
      }
    } else {
      const isNew = this.#files.kindOf(target) === undefined;
      this.#files.write(target, this.#files.readBytes(source));
      if (isNew) this.#files.changeMode(target, mode & ~this.#files.umask);
    }
  }

  mv(source: string, target: string): Promise<void> {
    return saying("rename", source, () => {
      try {
        this.#files.rename(source, target);
      } catch (error) {
        if (errnoOf(error) !== "EXDEV") throw error;
        this.#copy(source, target);
        this.#remove(source, true);
      }
    });
  }
  /** By text: what links mean is the kernel's to say, when the path is used. */
  resolvePath(base: string, path: string): string {
    const names: string[] = [];
    for (const name of (path.startsWith("/") ? path : `${base}/${path}`).split("/")) {
      if (name === "..") names.pop();
      else if (name !== "" && name !== ".") names.push(name);
    }
    return `/${names.join("/")}`;
  }
  getAllPaths(): string[] {
    return [];
  }
  chmod(path: string, mode: number): Promise<void> {
    return saying("chmod", path, () => this.#files.changeMode(path, mode));
  }
  symlink(target: string, path: string): Promise<void> {
    return saying("symlink", path, () => this.#files.makeSymlink(target, path));
  }
  link(existing: string, path: string): Promise<void> {
    return saying("link", path, () => this.#files.link(existing, path));
  }
  readlink(path: string): Promise<string> {
    return saying("readlink", path, () => this.#files.readLink(path));
  }
  realpath(path: string): Promise<string> {
    if (this.#isStub(path)) return Promise.resolve(path);
    return saying("realpath", path, () => this.#files.realPath(path));
  }
  utimes(path: string, _: Date, mtime: Date): Promise<void> {
    const ms = mtime.getTime();
    const seconds = Math.floor(ms / 1000);
    return saying("utime", path, () =>
      this.#files.changeTime(path, {
        seconds,
        nanoseconds: Math.round((ms - seconds * 1000) * 1e6),
      }),
    );
  }
}
