// An engine for tests of the command line alone: it holds a few records, does nothing, and writes
// down what it was asked. Whether an engine works is tested elsewhere.

import { NacreError } from "@nacre/core/error.ts";
import type { ProcessStreams } from "@nacre/core/ports/kernel.ts";
import type { LogLine } from "@nacre/core/ports/log-driver.ts";
import type { ContainerRequest } from "@nacre/core/program/request.ts";
import type { ContainerRecord, EventRecord, PinRecord } from "@nacre/core/state/records.ts";
import type {
  Attached,
  Cgroups,
  CgroupTreeReport,
  Containers,
  CssSetReport,
  Engine,
  EngineEvent,
  ImageListing,
  Images,
  NamespaceReport,
  Namespaces,
  System,
  VolumeListing,
  Volumes,
} from "@nacre/engine/engine.ts";
import { Subject } from "rxjs";
import { fakeArchives } from "./fake-archives.ts";
import { FakeBuilds } from "./fake-builds.ts";
import { containerRecord, imageRecord, pinRecord, volumeListing } from "./fake-records.ts";
import { FakeSecrets } from "./fake-secrets.ts";
import { fakeArtifacts, fakeIndexes, fakeRegistries, fakeSharing } from "./fake-sharing.ts";

export class FakeEngine implements Engine {
  readonly calls: [name: string, ...given: unknown[]][] = [];
  readonly subject = new Subject<EngineEvent>();
  readonly events = this.subject.asObservable();
  records: ContainerRecord[] = [containerRecord()];
  listings: ImageListing[] = [
    {
      image: imageRecord(),
      references: [
        { reference: "docker.io/library/debian:12", digest: imageRecord().manifestDigest },
      ],
    },
  ];
  lines: LogLine[] = [];
  recorded: EventRecord[] = [];
  /** What a started process does. */
  exit: { readonly code: number } | "signal" = { code: 0 };
  /** What the next call that acts throws. */
  failure: Error | undefined;
  disposed = 0;

  async [Symbol.asyncDispose](): Promise<void> {
    this.disposed++;
  }

  #called(name: string, ...given: unknown[]): void {
    this.calls.push([name, ...given]);
    if (this.failure) throw this.failure;
  }

  #attached(): Attached {
    const settled = Promise.withResolvers<number>();
    if (this.exit !== "signal") settled.resolve(this.exit.code);
    return {
      container: this.records[0]!,
      stdin: undefined,
      stdout: undefined,
      stderr: undefined,
      exited: settled.promise,
      signal: (number) => {
        this.calls.push(["signal", number]);
        settled.resolve(128 + number);
      },
    };
  }

  readonly artifacts = fakeArtifacts({ called: (...of) => this.#called(...of) });
  readonly indexes = fakeIndexes({ called: (...of) => this.#called(...of) });
  readonly registries = fakeRegistries({ called: (...of) => this.#called(...of) });
  readonly images: Images = {
    pull: async (reference, options) => {
      this.#called("pull", reference, options);
      const { image } = this.listings[0]!;
      const normalised = "docker.io/library/debian:latest";
      const layer = {
        type: "layer",
        reference: normalised,
        digest: `sha256:${"d1".repeat(32)}`,
      } as const;
      this.subject.next({ type: "image", reference: normalised, phase: "resolving" });
      this.subject.next({ ...layer, phase: "waiting", receivedBytes: 0, totalBytes: 100 });
      this.subject.next({ ...layer, phase: "downloading", receivedBytes: 50, totalBytes: 100 });
      this.subject.next({ ...layer, phase: "complete", receivedBytes: 100, totalBytes: 100 });
      return { image, reference: normalised, digest: image.manifestDigest, changed: true };
    },
    list: (options = {}) => {
      const { reference: wanted, ...others } = options.filters ?? {};
      if (Object.keys(others).length > 0) this.#called("images", options);
      const means = ({ reference }: { readonly reference: string }) =>
        wanted?.some((one) => reference.includes(`/${one}`)) !== false;
      return this.listings.filter(({ references }) => !wanted || references.some(means));
    },
    get: (reference) => {
      if (reference === "debian") return this.listings[0]!;
      throw new NacreError("not-found", `no such image: ${reference}`, { advice: "Pull it." });
    },
    layers: async () => ({
      layers: [
        {
          diffId: `sha256:${"b2".repeat(32)}`,
          digest: "",
          createdBy: "COPY \u001b]0;title\u0007 /",
          tarBytes: 2048,
          visibleBytes: 1024,
          entries: 3,
        },
      ],
      wastedBytes: 1024,
    }),
    path: async (_, path) => ({
      path,
      type: "file",
      mode: 0o644,
      sizeBytes: 1234,
      layer: 2,
      hides: [{ layer: 1, type: "file", sizeBytes: 10 }],
    }),
    ...fakeSharing({
      called: (...of) => this.#called(...of),
      emit: (event) => this.subject.next(event),
    }),
    tag: (reference, name) => {
      this.#called("tag", reference, name);
      return name;
    },
    remove: async (reference, options) => {
      this.#called("rmi", reference, options);
      return { untagged: ["docker.io/library/debian:12"], deleted: ["sha256:dead"] };
    },
  };

  readonly containers: Containers = {
    create: async (request) => {
      this.#called("create", request);
      return this.records[0]!;
    },
    start: async (container, streams, options) => {
      this.#called("start", container, streams, options);
      return this.#attached();
    },
    run: async (request: ContainerRequest, streams?: ProcessStreams) => {
      this.#called("run", request, streams);
      return this.#attached();
    },
    exec: async (container, request, streams) => {
      this.#called("exec", container, request, streams);
      return this.#attached();
    },
    files: () => Promise.reject(new Error("these containers have no files")),
    explain: async (request) => {
      this.#called("explain", request);
      return { title: "run debian", host: [] };
    },
    list: ({ all, filters, last } = {}) => {
      this.#called("list", { filters, last });
      return this.records.filter(({ status }) => all || status === "running");
    },
    get: (name) => {
      const found = this.records.find((record) => record.name === name);
      if (!found) throw new NacreError("not-found", `no such container: ${name}`);
      return found;
    },
    logs: (container, options) => {
      this.#called("logs", container, options);
      return this.#replay(this.lines, options?.follow ? options.signal : undefined);
    },
    logDetails: async (container) => {
      this.#called("logDetails", container);
      return { tag: "a b", "com.team": "red,blue=1" };
    },
    namespaces: () => ({ pid: 4026532621n, net: 4026532622n }),
    top: (container) => {
      this.#called("top", container);
      return [
        {
          ...{ pid: 41, parentPid: 40, uid: 7, command: "sh", state: "S", threads: 1 },
          ...{ arguments: ["sh", "-c", "echo \u001b[31m"], terminal: 0x8803, cpuMs: 61_000 },
          ...{ startedMs: 0, virtualBytes: 2 ** 21, residentBytes: 2 ** 20 },
          ...{ residentPercent: 1.26, gid: 7, group: 41, session: 41, foreground: 41 },
          ...{ nice: 5, priority: 25, processor: 1 },
        },
      ];
    },
    stats: (options) => {
      this.#called("stats", options);
      const [container] = this.records;
      const usage = {
        ...{ container: container!, cpuPercent: 12.345, cpuNs: 1, pids: 3 },
        ...{ memoryBytes: 16 * 2 ** 20, memoryLimitBytes: 64 * 2 ** 20 },
        ...{ readBytes: 1_200_000, writtenBytes: 0, receivedBytes: 656, sentBytes: 0 },
      };
      return this.#replay([[usage]], options?.signal);
    },
    stop: async (container, options) => this.#called("stop", container, options),
    kill: async (container, signal) => this.#called("kill", container, signal),
    restart: async (container, options) => this.#called("restart", container, options),
    pause: async (container) => this.#called("pause", container),
    unpause: async (container) => this.#called("unpause", container),
    update: async (container, change) => {
      this.#called("update", container, change);
      return this.containers.get(container);
    },
    rename: (container, name) => {
      this.#called("rename", container, name);
      return { ...this.containers.get(container), name };
    },
    boot: async () => {
      this.#called("boot");
      return [{ id: "b1", name: "web" }];
    },
    wait: async (container, condition) => {
      this.#called("wait", container, condition);
      return 0;
    },
    remove: async (container, options) => {
      this.calls.push(["rm", container, options]);
      this.containers.get(container);
    },
    prune: async (options) => {
      this.#called("container prune", options);
      return { containers: ["c1"], reclaimedBytes: 1_500_000 };
    },
    size: () => ({ writtenBytes: 2000, rootBytes: 448_125_456 }),
    commandLines: (records) => records.map(({ request }) => [...request.command]),
    inspect: (name) => {
      const {
        id,
        name: given,
        request,
      } = this.records.find((record) => record.name === name || record.id === name) ??
      this.containers.get(name);
      const [path, ...args] = request.command;
      return { Id: id, Name: `/${given}`, Path: path, Args: args, Config: { Env: null } };
    },
    attach: async (name) => {
      this.#called("attach", name);
      const text = (word: string) => Buffer.from(word);
      return {
        container: this.containers.get(name),
        output: (async function* () {
          yield { stream: "stdout", bytes: text("out") } as const;
          yield { stream: "stderr", bytes: text("err") } as const;
        })(),
        write: async (bytes) => this.#called("write", Buffer.from(bytes).toString("latin1")),
        resize: (rows, columns) => this.#called("resize", rows, columns),
        close: () => this.#called("close"),
      };
    },
    settle: async (container) => this.#called("settle", container),
    checkHealth: async (container) => {
      this.#called("checkHealth", container);
      return undefined;
    },
  };

  readonly builds = new FakeBuilds((...call) => this.#called(...call));

  readonly archives = fakeArchives((...call) => this.#called(...call));

  tree: CgroupTreeReport = { hierarchies: [], containers: new Map() };
  sets: CssSetReport[] = [];
  reports: NamespaceReport[] = [];
  pinned: PinRecord[] = [];

  readonly cgroups: Cgroups = {
    tree: async (at) => {
      this.#called("tree", at);
      return this.tree;
    },
    cssSets: async () => this.sets,
    mountProgram: async (request) => {
      this.#called("mount program", request);
      return { title: "mount cpu", host: [] };
    },
    mount: async (request) => this.#called("mount", request),
    unmount: async (target) => this.#called("unmount", target),
  };

  readonly namespaces: Namespaces = {
    list: async (options) => {
      this.#called("namespaces", options);
      return this.reports;
    },
    pins: () => this.pinned,
    pinProgram: async (...given) => {
      this.#called("pin program", ...given);
      return { title: "pin net", host: [] };
    },
    pin: async (...given) => {
      this.#called("pin", ...given);
      return pinRecord();
    },
    unpin: async (name) => this.#called("unpin", name),
    prunePins: async () => [],
    execProgram: async (...given) => {
      this.#called("exec program", ...given);
      return { title: "exec in namespaces", host: [] };
    },
    exec: async (...given) => {
      this.#called("ns exec", ...given);
      return this.#attached();
    },
  };

  listed: VolumeListing[] = [volumeListing()];

  readonly secrets = new FakeSecrets();
  readonly volumes: Volumes = {
    create: async (wanted) => {
      this.#called("volume create", wanted);
      return { ...volumeListing().volume, name: wanted?.name ?? "f".repeat(64) };
    },
    list: async (filters) => {
      this.#called("volume list", filters);
      return this.listed;
    },
    get: async (name) => {
      const found = this.listed.find(({ volume }) => volume.name === name);
      if (!found) throw new NacreError("not-found", `no such volume: ${name}`);
      return found;
    },
    remove: async (name, options) => {
      this.calls.push(["volume rm", name, options]);
      await this.volumes.get(name);
    },
    prune: async (options) => {
      this.#called("volume prune", options);
      return { volumes: ["v1"], reclaimedBytes: 1_500_000 };
    },
  };

  readonly system: System = {
    snapshotter: "erofs",
    check: async (options) => {
      this.#called("check", options);
      const blob = { severity: "damage", subject: "blob sha256:b1", reason: "it is gone" } as const;
      const file = { severity: "leftover", subject: "/r/x", reason: "no record names it" } as const;
      return { found: [blob, file], left: options?.repair ? [blob] : [blob, file] };
    },
    info: () => ({
      version: "1.2.3",
      root: "/r",
      backend: "linux",
      snapshotter: "erofs",
      kernel: {
        release: "6.18",
        architecture: "amd64",
        privileged: true,
        erofs: "files",
        overlay: true,
      },
      cgroup: "hybrid",
      cgroupDelegated: true,
      containers: { total: 3, running: 1, paused: 1 },
      images: 1,
    }),
    diskUsage: async () => ({
      images: this.listings.map(({ image, references }) => ({
        image,
        references: references.map(({ reference }) => reference),
        ...{ sharedBytes: 1_000_000, uniqueBytes: 2_000_000, containers: 1 },
      })),
      ...{ imageBytes: 3_000_000, unusedBytes: 1_000_000 },
      containers: this.records.map((container) => ({ container, writtenBytes: 2000 })),
      volumes: [],
    }),
    prune: async (options) => {
      this.#called("prune", options);
      return {
        ...{ containers: ["c1"], untagged: ["docker.io/library/i:1"], images: ["sha256:i1"] },
        ...{ volumes: ["v1"], pins: [] },
        reclaimedBytes: 12_000_000,
      };
    },
  };

  history(options?: Parameters<Engine["history"]>[0]): AsyncIterable<EventRecord> {
    this.#called("history", options);
    return this.#replay(this.recorded, options?.follow ? options.signal : undefined);
  }

  /** With a signal: the items, then nothing until it aborts. */
  async *#replay<T>(items: readonly T[], signal: AbortSignal | undefined): AsyncGenerator<T> {
    yield* items;
    if (signal && !signal.aborted) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    }
  }
}
