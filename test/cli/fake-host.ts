// A host in memory: what was printed, and an engine that a test hands in.

import { dirname } from "node:path";
import type { Engine } from "@nacre/engine/engine.ts";
import type { InstalledPlugin } from "@nacre/plugin-loader/installed.ts";
import type { GlobalOptions } from "../../cli/command.ts";
import type { Host } from "../../cli/host.ts";
import { localFiles } from "../../cli/local-files.ts";
import { main } from "../../cli/main.ts";

export interface HostSettings {
  readonly environment?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Paths that are not there. */
  readonly absent?: readonly string[];
  /** Standard streams that are terminals. */
  readonly terminals?: readonly number[];
  readonly engine?: Engine;
  readonly plugins?: readonly InstalledPlugin[];
  readonly nowMs?: number;
  /** Its bytes, one a character. */
  readonly input?: string;
  readonly workingDirectory?: string;
  /** How often it sleeps before an interrupt comes. */
  readonly sleeps?: number;
  /** What its caller has given it, behind the standard streams. */
  readonly descriptors?: readonly number[];
}

export class FakeHost implements Host {
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  out = "";
  err = "";
  /** How standard input was taken. */
  readonly input: string[] = [];
  readonly marks = new Set<string>();
  readonly created = new Map<string, string>();
  readonly discarded: string[] = [];
  sleeps = 0;
  /** The options with which the engine was made; undefined if none was asked for. */
  made: GlobalOptions | undefined;
  readonly #settings: HostSettings;
  readonly #listeners = new Set<(number: number) => void>();

  constructor(settings: HostSettings = {}) {
    this.#settings = settings;
    this.environment = settings.environment ?? {};
    this.workingDirectory = settings.workingDirectory ?? "/work-directory";
  }

  print(text: string): void {
    this.out += text;
  }
  printBytes(bytes: Uint8Array, stream: 1 | 2 = 1): void {
    const text = Buffer.from(bytes).toString("latin1");
    if (stream === 1) this.out += text;
    else this.err += text;
  }
  terminalSize() {
    return this.isTerminal(1) ? { rows: 24, columns: 80 } : undefined;
  }
  onInput(raw: boolean, take: (bytes: Uint8Array) => Promise<void>): () => void {
    this.input.push(raw ? "raw" : "as it is");
    void take(Buffer.from(this.#settings.input ?? ""));
    return () => this.input.push("given back");
  }
  async outputFile(path: string) {
    let text = "";
    return {
      write: (bytes: Uint8Array) => {
        text += Buffer.from(bytes).toString("latin1");
      },
      commit: () => {
        this.created.set(path, text);
      },
      discard: () => {
        this.discarded.push(path);
      },
    };
  }
  async *inputBytes(path: string): AsyncGenerator<Uint8Array> {
    yield Buffer.from(path === "-" ? (this.#settings.input ?? "") : this.readText(path), "latin1");
  }
  /** In small chunks, each in the place of the one before. */
  async *passingBytes(path: string): AsyncGenerator<Uint8Array> {
    const place = Buffer.alloc(16);
    for await (const bytes of this.inputBytes(path)) {
      for (let at = 0; at < bytes.length; at += place.length) {
        const part = bytes.subarray(at, at + place.length);
        place.fill(0xdb).set(part);
        yield place.subarray(0, part.length);
      }
    }
  }
  printError(text: string): void {
    this.err += text;
  }
  isTerminal(stream: 0 | 1 | 2): boolean {
    return this.#settings.terminals?.includes(stream) ?? false;
  }
  columns(): number {
    return 80;
  }
  async missing(descriptors: readonly number[]): Promise<number | undefined> {
    return descriptors.find((number) => !this.#settings.descriptors?.includes(number));
  }
  nowMs(): number {
    return this.#settings.nowMs ?? 0;
  }
  /** As often as a test lets it; then an interrupt comes. */
  async sleep(): Promise<void> {
    this.sleeps++;
    if (this.sleeps >= (this.#settings.sleeps ?? 1)) this.raise(2);
  }
  onSignals(_names: readonly NodeJS.Signals[], act: (number: number) => void): () => void {
    this.#listeners.add(act);
    return () => this.#listeners.delete(act);
  }
  /** Delivers a signal to whoever listens. */
  raise(number: number): void {
    for (const act of this.#listeners) act(number);
  }
  /** How many wait for signals; a command must leave none behind. */
  get listeners(): number {
    return this.#listeners.size;
  }
  readText(path: string): string {
    const content = this.#settings.files?.[path];
    if (content === undefined) throw Object.assign(new Error("absent"), { code: "ENOENT" });
    return typeof content === "string" ? content : Buffer.from(content).toString();
  }
  readBytes(path: string): Uint8Array {
    const content = this.#settings.files?.[path];
    return content instanceof Uint8Array ? content : Buffer.from(this.readText(path));
  }
  exists(path: string): boolean {
    return !this.#settings.absent?.includes(path);
  }
  mark(path: string): boolean {
    if (this.marks.has(path)) return false;
    this.marks.add(path);
    return true;
  }
  checkPlace(path: string): void {
    if (this.exists(dirname(path))) return;
    throw Object.assign(new Error("absent"), { code: "ENOENT" });
  }
  createFile(path: string, text: string): void {
    if (this.created.has(path)) throw Object.assign(new Error("exists"), { code: "EEXIST" });
    this.created.set(path, text);
  }
  async localFiles() {
    return localFiles(`cli/dist/addon-${process.arch}.node`);
  }
  readLine(): string {
    return this.#settings.input ?? "";
  }
  readSecret(): string {
    return `secret ${this.readLine()}`;
  }
  async plugins(): Promise<readonly InstalledPlugin[]> {
    return this.#settings.plugins ?? [];
  }
  readonly executed: string[][] = [];
  execute(words: readonly string[]): number {
    this.executed.push([...words]);
    return 3;
  }

  async createEngine(options: GlobalOptions): Promise<Engine> {
    this.made = options;
    if (this.#settings.engine === undefined) throw new Error("this test has no engine");
    return this.#settings.engine;
  }
}

/** Runs one command line. */
export async function nacre(words: readonly string[], settings: HostSettings = {}) {
  const host = new FakeHost(settings);
  const code = await main(words, host);
  return { code, out: host.out, err: host.err, host };
}
