// What the tests of the whole engine share: a state root and a registry of their own, the command
// line as a process, and the machine to compare before and after.

import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Engine } from "@nacre/engine/engine.ts";
import { SqliteStateStore } from "@nacre/linux/state-store.ts";
import { MemoryContent } from "@nacre/plugin-registry/content.ts";
import { buildImage, type ImageInput } from "@nacre/plugin-registry/image-builder.ts";
import {
  type RegistryServer,
  type ServeOptions,
  serveRegistry,
} from "@nacre/plugin-registry/server.ts";
import { afterAll, beforeAll, expect } from "vitest";
import { type CreateEngineOptions, createEngine } from "../../cli/composition.ts";
import { machineState, type RunMark } from "../../scripts/machine-state.ts";
import { busyboxEntries } from "../images/busybox.ts";
import { tar } from "../images/tar.ts";

export const NACRE = fileURLToPath(new URL("../../cli/bin/nacre", import.meta.url));
const MARK = "NACRE_TEST_BENCH";
/** How long the kernel may take to let go of what was removed. */
const SETTLE_MS = 30_000;

export const PLATFORM = {
  os: "linux",
  architecture: process.arch === "x64" ? "amd64" : process.arch,
};

export interface Outcome {
  /** As a shell has it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly input?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly root?: string;
  readonly uid?: number;
}

let busybox: Buffer | undefined;

/** An image of busybox in one layer, and what else it shall have. */
export function shellImage(more: Partial<ImageInput> = {}): ImageInput {
  busybox ??= tar(busyboxEntries());
  return {
    layers: [{ tar: busybox, createdBy: "busybox-static" }, ...(more.layers ?? [])],
    process: { Env: ["PATH=/bin"], Cmd: ["sh"], ...more.process },
    platform: PLATFORM,
  };
}

export class Bench implements AsyncDisposable {
  readonly content = new MemoryContent();
  readonly #servers: RegistryServer[] = [];
  readonly #started = new Set<ChildProcess>();
  #base: string | undefined;
  address = "";

  /** With the image `shell` (busybox, `sh`) in its registry. */
  static async make(): Promise<Bench> {
    const bench = new Bench();
    await bench.open();
    return bench;
  }

  /** Makes what `make` makes; until then there is nothing of it on the machine. */
  async open(): Promise<void> {
    this.#base = mkdtempSync(join(tmpdir(), "nacre-bench-"));
    process.env[MARK] = this.base;
    this.address = (await this.serve()).address;
    this.add("shell", shellImage());
  }

  /** Everything that the tests make lies below. */
  get base(): string {
    if (this.#base !== undefined) return this.#base;
    throw new Error("there is no bench yet: it is made when the tests begin");
  }

  /** The state root. */
  get root(): string {
    return join(this.base, "root");
  }

  get #mark(): RunMark {
    return { name: MARK, value: this.base, temporary: this.base };
  }

  /** One more registry of the same content. It ends with the bench. */
  async serve(options: ServeOptions = {}): Promise<RegistryServer> {
    const server = await serveRegistry(this.content, options);
    this.#servers.push(server);
    return server;
  }

  /** Adds an image to the registry; its name for `pull` and `run`. */
  add(repository: string, image: ImageInput) {
    const built = buildImage(image);
    for (const [digest, bytes] of built.blobs) this.content.addBlob(bytes, digest);
    this.content.addManifest(repository, "latest", built.manifest);
    return { ...built, name: this.name(repository) };
  }

  name(repository = "shell"): string {
    return `${this.address}/${repository}`;
  }

  engine(options: CreateEngineOptions = {}): Promise<Engine> {
    return createEngine({ root: this.root, ...options });
  }

  /** Starts the command line. */
  start(words: readonly string[], options: CommandOptions & SpawnOptions = {}): ChildProcess {
    const { environment, root = this.root, input: _, ...spawning } = options;
    const child = spawn(NACRE, ["--root", root, ...words], {
      stdio: "pipe",
      ...spawning,
      env: { ...process.env, [MARK]: this.base, ...environment },
    });
    this.#started.add(child);
    child.once("exit", () => this.#started.delete(child));
    return child;
  }

  /** Runs the command line to its end. */
  async nacre(words: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
    const child = this.start(words, options);
    child.stdin?.on("error", () => {}); // it need not read it
    child.stdin?.end(options.input ?? "");
    return outcomeOf(child);
  }

  /** Standard output of a command that must succeed, without its last newline. */
  async does(words: readonly string[], options: CommandOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.nacre(words, options);
    expect({ code, stderr }, words.join(" ")).toEqual({ code: 0, stderr: "" });
    return stdout.trimEnd();
  }

  /** What a run prints in a new container that is removed again. */
  async prints(options: readonly string[], command: readonly string[]): Promise<string> {
    return this.does(["run", "-q", "--rm", ...options, this.name(), ...command]);
  }

  /** What of this bench is on the machine: mounts, cgroups, processes, files. */
  state(): string[] {
    const ids = this.#containerIds();
    const kinds = [...machineState(this.#mark)].flatMap(([kind, names]) =>
      [...names].filter((name) => this.#isOurs(kind, name, ids)).map((name) => `${kind}: ${name}`),
    );
    return [...kinds, ...filesBelow(this.root)];
  }

  /** Fails unless `work` leaves the machine as it was. `but`: files below the root that may be new. */
  async unchanged<T>(work: () => Promise<T>, but: RegExp = /^$/): Promise<T> {
    const before = new Set(this.state());
    const result = await work();
    const added = () => this.state().filter((one) => !before.has(one) && !but.test(one));
    const until = performance.now() + SETTLE_MS;
    while (added().length > 0 && performance.now() < until) await sleep(50);
    expect(added()).toEqual([]);
    return result;
  }

  /** Waits until `condition` holds. */
  async until(condition: () => unknown, withinMs = SETTLE_MS): Promise<void> {
    const end = performance.now() + withinMs;
    while (!(await condition())) {
      if (performance.now() > end) throw new Error(`it did not come to be: ${condition}`);
      await sleep(20);
    }
  }

  /** Ends everything; fails if mounts, cgroups or processes of it are left. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#base === undefined) return;
    for (const child of this.#started) child.kill("SIGKILL");
    try {
      const ids = await this.nacre(["ps", "-aq", "--no-trunc"]);
      const all = ids.stdout.split("\n").filter(Boolean);
      if (all.length > 0) await this.nacre(["rm", "-f", ...all]);
      await this.until(() => this.#alive().length === 0).catch(() => {});
      expect(this.#alive()).toEqual([]);
    } finally {
      for (const server of this.#servers) await server.close();
      delete process.env[MARK];
      if (!this.#alive().some((one) => one.startsWith("mount:"))) {
        rmSync(this.base, { recursive: true, force: true });
      }
    }
  }

  #alive(): string[] {
    return this.state().filter((one) => /^(mount|cgroup|process|loop device):/.test(one));
  }

  /** Others work on this machine too; `/nacre` itself is shared by all roots. */
  #isOurs(kind: string, name: string, ids: readonly string[]): boolean {
    if (kind === "cgroup") return ids.some((id) => name.endsWith(`/${id}`));
    if (kind === "network link") return false;
    if (kind === "mount" || kind === "loop device") return name.includes(this.base);
    return kind !== "shared memory" || name.includes(basename(this.base));
  }

  /** Of all containers that there ever were. */
  #containerIds(): string[] {
    if (!readdirSync(this.base).includes("root")) return [];
    if (!readdirSync(this.root).includes("state.db")) return [];
    const store = new SqliteStateStore(join(this.root, "state.db"));
    try {
      return store.events(0, 100_000).flatMap(({ action, subject }) => {
        return action === "create" ? [subject] : [];
      });
    } finally {
      store.close();
    }
  }
}

/**
 * The bench of a file, or of a suite: `shell` is pulled, what is said once has been said, and
 * `prepare` has added what else the tests begin with.
 */
export function benchForTests(prepare?: (bench: Bench) => unknown): Bench {
  const bench = new Bench();
  beforeAll(async () => {
    await bench.open();
    await bench.does(["pull", "-q", bench.name()]);
    await bench.nacre(["run", "--rm", bench.name(), "true"]); // that there is no network
    await prepare?.(bench);
  });
  afterAll(() => bench[Symbol.asyncDispose]());
  return bench;
}

/** The parent of a process, as /proc has it. */
export const parentOf = (pid: number): number =>
  Number(/\) . (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1]);

export async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  let [stdout, stderr] = ["", ""];
  child.stdout?.setEncoding("utf8").on("data", (text) => {
    stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exit, signal) => resolve(signal ? -1 : (exit ?? -1)));
  });
  return { code, stdout, stderr };
}

/** The state's own files change with every command, and what facts were found is kept. */
const ALWAYS = /^(state\.db.*|default-network-told|facts.*|filters)$/;

/** Directories that come and go with a container, a mount, a removal; the others stand. */
const TRACES = /^(containers|mounts|trash)\//;

function filesBelow(root: string, path = ""): string[] {
  let names: string[] = [];
  try {
    names = readdirSync(join(root, path), { withFileTypes: true }).flatMap((entry) => {
      const below = path === "" ? entry.name : `${path}/${entry.name}`;
      if (path === "" && ALWAYS.test(entry.name)) return [];
      if (!entry.isDirectory()) return [`file: ${below}`];
      return [...(TRACES.test(below) ? [`file: ${below}`] : []), ...filesBelow(root, below)];
    });
  } catch {
    return []; // removed meanwhile
  }
  return names;
}
