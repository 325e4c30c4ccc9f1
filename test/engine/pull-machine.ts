// A machine for tests of pulling: the real files, state, codec and network client of Linux in a
// temporary directory, a snapshotter that only remembers, and a clock that does not wait.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Core } from "@nacre/core/core.ts";
import type { Credential, CredentialStore } from "@nacre/core/ports/credential-store.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { ImageRepositories } from "@nacre/core/ports/image-repositories.ts";
import type { ProcessIdentity } from "@nacre/core/ports/kernel.ts";
import type { Snapshotter, StoredLayer } from "@nacre/core/ports/snapshotter.ts";
import { FileContentStore } from "@nacre/engine/content/content-store.ts";
import type { Artifacts, EngineEvent, Images, Indexes, System } from "@nacre/engine/engine.ts";
import { EventBus } from "@nacre/engine/event-bus.ts";
import { ImageService } from "@nacre/engine/images/images.ts";
import { LayerStore } from "@nacre/engine/images/layer-store.ts";
import { StatePaths } from "@nacre/engine/images/paths.ts";
import { Registry, type RegistryOptions } from "@nacre/engine/registry/registry.ts";
import { Sharing } from "@nacre/engine/sharing/sharing.ts";
import {
  artifactsView,
  checkingOf,
  indexesView,
  pullOfIndex,
  sharedImages,
} from "@nacre/engine/sharing/view.ts";
import { LinuxClock } from "@nacre/linux/clock.ts";
import { LinuxCodec } from "@nacre/linux/codec.ts";
import { LinuxFetch } from "@nacre/linux/fetch.ts";
import { LinuxFiles } from "@nacre/linux/files.ts";
import { LinuxRandom } from "@nacre/linux/random.ts";
import { SqliteStateStore } from "@nacre/linux/state-store.ts";
import { MemoryContent } from "@nacre/plugin-registry/content.ts";
import {
  type BuiltImage,
  buildImage,
  type ImageInput,
} from "@nacre/plugin-registry/image-builder.ts";
import { tar } from "../images/tar.ts";

const wasm = new URL("../../core/dist/core.wasm", import.meta.url);
let compiled: Core | undefined;
export const testCore = (): Core => {
  compiled ??= Core.fromBytes(new Uint8Array(readFileSync(wasm)));
  return compiled;
};

/** Remembers for how long it should have slept, and sleeps one millisecond. */
export class ImpatientClock extends LinuxClock {
  readonly sleptMs: number[] = [];
  override sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    this.sleptMs.push(delayMs);
    return super.sleep(1, signal);
  }
}

/** Commits by remembering, once a chain ID. */
export class RememberingSnapshotter implements Snapshotter {
  readonly name = "remembering";
  readonly committed = new Map<string, readonly StoredLayer[]>();
  commits = 0;
  unsupported() {
    return undefined;
  }
  async commit(chainId: string, layers: readonly StoredLayer[]) {
    this.commits++;
    this.committed.set(chainId, layers);
    return { sizeBytes: 1 };
  }
  has(chainId: string): boolean {
    return this.committed.has(chainId);
  }
  root(): never {
    throw new Error("no test of pulling starts a container");
  }
  async remove(chainId: string): Promise<void> {
    this.committed.delete(chainId);
  }
  list(): string[] {
    return [...this.committed.keys()];
  }
}

export interface MachineOptions {
  /** Another one's directory: a second process on the same state. */
  readonly root?: string;
  readonly snapshotter?: RememberingSnapshotter;
  readonly registries?: RegistryOptions["registries"];
  readonly credentials?: Readonly<Record<string, Credential>> | CredentialStore;
  readonly environment?: Readonly<Record<string, string>>;
  readonly certificatesDirectory?: string;
  readonly bootId?: string;
  readonly self?: ProcessIdentity;
  readonly alive?: (process: ProcessIdentity) => boolean;
  readonly files?: Files;
}

export interface Machine extends AsyncDisposable {
  readonly root: string;
  readonly paths: StatePaths;
  readonly images: ImageService;
  /** The same, with what goes to others. */
  readonly sharing: Images;
  /** The same as a registry has it. */
  readonly repositories: ImageRepositories;
  suspendUploads(): Promise<void>;
  check: System["check"];
  readonly artifacts: Artifacts;
  readonly indexes: Indexes;
  readonly state: SqliteStateStore;
  readonly clock: ImpatientClock;
  readonly snapshotter: RememberingSnapshotter;
  readonly events: EngineEvent[];
  /** Credentials that were asked for, by registry. */
  readonly asked: string[];
  /** Paths below the root and their sizes, but for the database. */
  files(): Record<string, number>;
}

export function machine(options: MachineOptions = {}): Machine {
  const root = options.root ?? mkdtempSync(join(tmpdir(), "nacre-pull-"));
  const paths = new StatePaths(root);
  const files = options.files ?? new LinuxFiles();
  const codec = new LinuxCodec();
  const state = new SqliteStateStore(paths.database);
  const content = new FileContentStore(testCore, files, codec, paths);
  const clock = new ImpatientClock();
  const { bus, events, subscription } = listenedBus();
  const asked: string[] = [];
  const fetch = fetchOf(options);
  const registryOptions = options.registries ? { registries: options.registries } : {};
  const registry = new Registry(
    ...([testCore, fetch, clock, codec, credentialsOf(options, asked), registryOptions] as const),
  );
  const snapshotter = options.snapshotter ?? new RememberingSnapshotter();
  const bootId = options.bootId ?? "this boot";
  const layers = new LayerStore(testCore, files, content, state, codec, paths, bootId);
  const kernel = kernelOf(options);
  const images: ImageService = new ImageService(
    testCore,
    kernel,
    files,
    content,
    state,
    clock,
    new LinuxRandom(),
    bus,
    registry,
    snapshotter,
    [snapshotter],
    layers,
    paths,
    {
      bootId,
      self: options.self ?? { pid: process.pid, startTime: 1n },
      platform: { os: "linux", architecture: "amd64" },
      fromIndex: (...of) => pullOfIndex([images, ports, parts, own], ...of),
    },
  );
  const ports = { files, content, state, codec, random: new LinuxRandom(), clock };
  const parts = { registry, layers, bus, paths, platform: AMD64 };
  const own = { core: testCore, bootId };
  const { store, uploads } = new Sharing(images, ports, parts, own).repositories();
  return {
    root,
    paths,
    images,
    sharing: sharedImages(images, ports, parts, own),
    repositories: store,
    artifacts: artifactsView(images, ports, parts, own),
    indexes: indexesView(images, ports, parts, own),
    check: checkingOf(images, { ...ports, kernel, snapshotters: [snapshotter] }, parts, own),
    suspendUploads: () => uploads.suspend(),
    state,
    clock,
    snapshotter,
    events,
    asked,
    files: () => tree(root),
    async [Symbol.asyncDispose]() {
      await images.settled();
      await fetch[Symbol.asyncDispose]();
      subscription.unsubscribe();
      bus[Symbol.dispose]();
      state.close();
      if (options.root === undefined) rmSync(root, { recursive: true, force: true });
    },
  };
}

const kernelOf = ({ alive = () => true }: MachineOptions) => ({ alive });

function listenedBus() {
  const [bus, events] = [new EventBus(), [] as EngineEvent[]];
  return { bus, events, subscription: bus.events.subscribe((event) => events.push(event)) };
}

function fetchOf({ environment = {}, certificatesDirectory }: MachineOptions): LinuxFetch {
  const certificates = certificatesDirectory === undefined ? {} : { certificatesDirectory };
  return new LinuxFetch({ environment, ...certificates });
}

function credentialsOf({ credentials = {} }: MachineOptions, asked: string[]): CredentialStore {
  return {
    async find(registry) {
      asked.push(registry);
      if (typeof credentials.find === "function") return credentials.find(registry);
      return (credentials as Readonly<Record<string, Credential>>)[registry];
    },
  };
}

function tree(root: string): Record<string, number> {
  const found: Record<string, number> = {};
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(root.length + 1);
    // A pull that goes on may have renamed it meanwhile.
    const status = entry.isFile() ? statSync(path, { throwIfNoEntry: false }) : undefined;
    if (status && !name.startsWith("state.db")) found[name] = status.size;
  }
  return found;
}

/** Deterministic bytes that hardly compress. */
export function noise(sizeBytes: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  let x = seed;
  for (let at = 0; at < sizeBytes; at++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    bytes[at] = x >>> 24;
  }
  return bytes;
}

export const AMD64 = { os: "linux", architecture: "amd64" };
const PASSWD = "root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n";

/** An image of two layers with accounts in the second; `sizeBytes` of noise in the first. */
export function sampleImage(
  options: Partial<ImageInput> & { readonly sizeBytes?: number; readonly seed?: number } = {},
): BuiltImage {
  const { sizeBytes = 300_000, seed = 1 } = options;
  const base = tar([
    { name: "bin/", type: "directory" },
    { name: "bin/data", content: noise(sizeBytes, seed) },
    { name: "etc/passwd", content: "old\n" },
  ]);
  const top = tar([
    { name: "usr/lib/passwd", content: PASSWD },
    { name: "etc/passwd", type: "symlink", link: "../usr/lib/passwd" },
    { name: "etc/group", content: "ada:x:1000:\n" },
  ]);
  return buildImage({
    layers: [
      { tar: base, createdBy: "base" },
      { tar: top, createdBy: "accounts" },
    ],
    platform: AMD64,
    process: { Cmd: ["/bin/sh"] },
    ...options,
  });
}

/** Puts images into memory, under `team/app:TAG` for each tag. */
export function contentOf(images: Readonly<Record<string, BuiltImage>>): MemoryContent {
  const content = new MemoryContent();
  for (const [tag, image] of Object.entries(images)) {
    for (const [digest, bytes] of image.blobs) content.addBlob(bytes, digest);
    content.addManifest("team/app", tag, image.manifest);
  }
  return content;
}
