// A machine to escape to: an engine with a root of its own, images, a directory that stands for all
// that a container must not reach, and whatever protection is taken away.

import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ProcessStreams, RunningProgram } from "@nacre/core/ports/kernel.ts";
import type { PartialRequest } from "@nacre/core/program/request.ts";
import type { Engine } from "@nacre/engine/engine.ts";
import { LinuxFiles } from "@nacre/linux/files.ts";
import { initBinary } from "@nacre/linux/init-binary.ts";
import { LinuxKernel } from "@nacre/linux/kernel.ts";
import { MemoryContent } from "@nacre/plugin-registry/content.ts";
import { buildImage } from "@nacre/plugin-registry/image-builder.ts";
import { serveRegistry } from "@nacre/plugin-registry/server.ts";
import { packageRoot } from "../../cli/package-root.ts";
import { textOf } from "../contract/kernel-bench.ts";
import { busyboxEntries } from "../images/busybox.ts";
import { type TarEntry, tar } from "../images/tar.ts";
import { tampering, wrappedEngine } from "../kernel/wrapped-engine.ts";
import type { Removal } from "./escape.ts";

const NATIVE = fileURLToPath(new URL("../../backends/linux/native", import.meta.url));
const PROBE = fileURLToPath(new URL("probe.c", import.meta.url));
const PIPES: ProcessStreams = { stdin: "ignore", stdout: "pipe", stderr: "pipe" };
const PATIENCE_MS = 20_000;

export interface Outcome {
  /** 125 where the engine refused. */
  readonly code: number;
  /** Both streams, or the engine's error. */
  readonly output: string;
}

type Running = Pick<RunningProgram, "stdout" | "stderr"> & { readonly exited: Promise<unknown> };

export class World implements AsyncDisposable {
  readonly base: string;
  /** The path of its nacre-init. */
  readonly init: string;
  /** A directory of the machine with one file, `secret`. */
  readonly canary: string;
  readonly engine: Engine;
  readonly kernel: LinuxKernel;
  readonly #content = new MemoryContent();
  readonly #registry: Awaited<ReturnType<typeof serveRegistry>>;

  private constructor(
    base: string,
    init: string,
    removal: Removal,
    registry: Awaited<ReturnType<typeof serveRegistry>>,
    content: MemoryContent,
  ) {
    this.base = base;
    this.init = init;
    this.canary = join(base, "canary");
    mkdirSync(this.canary);
    writeFileSync(join(this.canary, "secret"), "the machine's own\n");
    this.#registry = registry;
    this.#content = content;
    this.kernel = new LinuxKernel(init);
    mkdirSync(join(base, "root"), { mode: 0o700 });
    const { program } = removal;
    const kernel = program && { kernel: tampering((made) => program(made, this)) };
    const addon = join(packageRoot(), "dist", `addon-${process.arch}.node`);
    const files = () => new LinuxFiles(addon); // what copies look up names with
    this.engine = wrappedEngine(join(base, "root"), { init, files, ...kernel });
  }

  /** `removal`: the protection that is not to be there. */
  static async make(removal: Removal = {}): Promise<World> {
    const base = mkdtempSync(join(tmpdir(), "nacre-escape-"));
    const content = new MemoryContent();
    const registry = await serveRegistry(content, {});
    const world = new World(base, buildInit(base, removal), removal, registry, content);
    removal.machine?.(world);
    return world;
  }

  /** An image of busybox and the probe, and what else it is to have. */
  async image(more: readonly TarEntry[] = []): Promise<string> {
    const bytes = compiledProbe(this.base);
    const own: TarEntry[] = [
      { name: "bin/probe", content: bytes, mode: 0o755 },
      { name: "bin/setuid-probe", content: bytes, mode: 0o4755 },
    ];
    const taken = new Set(more.map(({ name }) => name));
    const busybox = busyboxEntries().filter(({ name }) => !taken.has(name));
    const built = buildImage({
      layers: [{ tar: tar([...busybox, ...own, ...more]) }],
      process: { Env: ["PATH=/bin"], Cmd: ["sh"] },
      platform: { os: "linux", architecture: process.arch === "x64" ? "amd64" : process.arch },
    });
    for (const [digest, blob] of built.blobs) this.#content.addBlob(blob, digest);
    this.#content.addManifest("image", "latest", built.manifest);
    return `${this.#registry.address}/image`;
  }

  /** Runs a shell's line in a new container, or what the request says instead. */
  async run(line: string, wanted: Partial<PartialRequest> = {}): Promise<Outcome> {
    const image = wanted.image ?? (await this.image());
    const request = { command: ["sh", "-c", line], autoRemove: true, ...wanted, image };
    return this.#outcome(() => this.engine.containers.run(request, PIPES));
  }

  /** A container that runs in the background while others are executed in it. */
  async background(line: string, wanted: Partial<PartialRequest> = {}): Promise<string> {
    const image = wanted.image ?? (await this.image());
    const request = { command: ["sh", "-c", line], detached: true, ...wanted, image };
    const { id } = await this.engine.containers.create(request);
    await this.engine.containers.start(id);
    return id;
  }

  async exec(
    container: string,
    line: string,
    more: { readonly workingDirectory?: string } = {},
  ): Promise<Outcome> {
    const request = { command: ["sh", "-c", line], ...more };
    return this.#outcome(() => this.engine.containers.exec(container, request, PIPES));
  }

  async #outcome(start: () => Promise<Running>): Promise<Outcome> {
    try {
      const running = await start();
      const late = setTimeout(() => undefined, PATIENCE_MS);
      const [stdout, stderr, code] = await Promise.all([
        textOf(running.stdout),
        textOf(running.stderr),
        running.exited,
      ]);
      clearTimeout(late);
      return { code: Number(code), output: stdout + stderr };
    } catch (error) {
      return { code: 125, output: (error as Error).message };
    }
  }

  /** Whether the directory that stands for the machine is as it was. */
  untouched(): boolean {
    const names = readdirSync(this.canary);
    const secret = readFileSync(join(this.canary, "secret"), "utf8");
    return names.length === 1 && secret === "the machine's own\n";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { id } of this.engine.containers.list({ all: true })) {
      await this.engine.containers.remove(id, { force: true });
    }
    await this.engine[Symbol.asyncDispose]();
    await this.#registry.close();
    rmSync(this.base, { recursive: true, force: true });
  }
}

let probe: Buffer | undefined;

/** `base`: a directory to compile it in. */
export function compiledProbe(base: string): Buffer {
  if (probe) return probe;
  const path = join(base, "probe");
  execFileSync("cc", ["-static", "-O1", "-o", path, PROBE]);
  probe = readFileSync(path);
  return probe;
}

/** A nacre-init of its own, so that nothing that happens to it matters. */
function buildInit(base: string, { source = [] }: Removal): string {
  const dist = join(base, "init");
  if (source.length === 0) {
    const usual = initBinary({ directories: [join(packageRoot(), "dist")], sources: NATIVE });
    cpSync(usual, join(dist, "nacre-init"));
    return join(dist, "nacre-init");
  }
  const native = join(base, "native");
  cpSync(NATIVE, native, { recursive: true });
  for (const [file, from, to] of source) {
    const path = join(native, file);
    const text = readFileSync(path, "utf8");
    if (!text.includes(from)) throw new Error(`${file} has no ${from}: what is to be taken away?`);
    writeFileSync(path, text.replaceAll(from, to));
  }
  execFileSync("make", ["-s", "-C", native, `DIST=${dist}`], { stdio: "pipe" });
  return join(dist, "nacre-init");
}
