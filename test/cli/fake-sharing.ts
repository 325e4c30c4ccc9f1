// What the fake engine does with images that go to others: it notes the call and says something.

import { NacreError } from "@nacre/core/error.ts";
import type {
  ArtifactListing,
  Artifacts,
  EngineEvent,
  ImageSharing,
  Indexes,
  IndexRecord,
  Registries,
} from "@nacre/engine/engine.ts";
import { imageRecord } from "./fake-records.ts";

export interface FakeParts {
  readonly called: (name: string, ...given: unknown[]) => void;
  readonly emit: (event: EngineEvent) => void;
}

export function fakeSharing({ called, emit }: FakeParts): ImageSharing {
  const { manifestDigest: digest } = imageRecord();
  const reference = "docker.io/library/debian:latest";
  return {
    push: async (name, options) => {
      called("push", name, options);
      const layer = { reference, digest: `sha256:${"d1".repeat(32)}`, totalBytes: 100 };
      emit({ type: "upload", ...layer, phase: "waiting", sentBytes: 0 });
      emit({ type: "upload", ...layer, phase: "sending", sentBytes: 50 });
      emit({ type: "upload", ...layer, phase: "mounted", from: "team/app", sentBytes: 100 });
      return { reference, digest, sizeBytes: 428 };
    },
    async *save(references, options) {
      called("save", references, options);
      yield new TextEncoder().encode("an archive");
    },
    explore: async (reference) => {
      called("explore", reference);
      const layer = { diffId: "sha256:d1", digest: "sha256:b1", tarBytes: 4096, visibleBytes: 10 };
      const file = { type: "file", mode: 0o644 } as const;
      const directory = { type: "directory", mode: 0o755, sizeBytes: 0 } as const;
      const changes = [
        { path: "/etc", what: "added", ...directory },
        { path: "/etc/a", what: "added", ...file, sizeBytes: 1000, hiddenBy: 2 },
        { path: "/etc/b", what: "added", ...file, sizeBytes: 10 },
      ] as const;
      const later = [
        { path: "/etc/a", what: "deleted", type: "whiteout", mode: 0, sizeBytes: 0 },
        { path: "/new\u001b[2J", what: "added", ...file, sizeBytes: 5 },
      ] as const;
      return {
        ...{ id: `sha256:${"a1".repeat(32)}`, wastedBytes: 1000 },
        layers: [
          { ...layer, number: 1, createdBy: "COPY . /", changes, hiddenBytes: 1000 },
          { ...layer, number: 2, createdBy: "RUN rm /etc/a", changes: later, hiddenBytes: 0 },
        ],
      };
    },
    prune: async (options) => {
      called("image prune", options);
      const id = `sha256:${"a1".repeat(32)}`;
      return { untagged: ["docker.io/library/debian:12"], deleted: [id], reclaimedBytes: 1234 };
    },
    load: async (source) => {
      let text = "";
      for await (const chunk of source) text += Buffer.from(chunk).toString();
      called("load", text);
      const platform = "linux/amd64";
      return [
        { id: `sha256:${"a1".repeat(32)}`, references: ["docker.io/library/debian:12"], platform },
        { id: `sha256:${"a2".repeat(32)}`, references: [], platform },
      ];
    },
  };
}

export function fakeRegistries({ called }: Pick<FakeParts, "called">): Registries {
  return {
    login: async (server, request) => {
      called("login", server, request);
      const keptIn = request?.credential ? { keptIn: "/home/ada/.docker/config.json" } : {};
      return { registry: server ?? "docker.io", ...keptIn };
    },
    logout: async (server) => {
      called("logout", server);
      return { registry: server ?? "docker.io", was: server !== "unknown" };
    },
    logins: () => ["docker.io", "r.example"],
    search: async (term, options) => {
      called("search", term, options);
      return [
        { name: "debian", description: "d".repeat(60), stars: 5, official: true },
        { name: "ada/debian", description: "", stars: 0, official: false },
      ];
    },
    serve: async (options) => {
      called("serve", options);
      const address = `${options?.host ?? "127.0.0.1"}:${options?.port ?? 5000}`;
      options?.answered?.({ method: "GET", path: "/v2/", status: 200, user: "ada" });
      const scheme = options?.tls ? "https" : "http";
      return { address, url: `${scheme}://${address}`, close: async () => called("close") };
    },
    tags: async (repository) => {
      called("tags", repository);
      return ["1", "2"];
    },
  };
}

export function fakeArtifacts({ called }: Pick<FakeParts, "called">): Artifacts {
  const digest = `sha256:${"c1".repeat(32)}`;
  const listing: ArtifactListing = {
    ...{ reference: "r.example/a:1", digest, mediaType: "m", artifactType: "t", annotations: {} },
    files: [{ name: "f.txt", digest: `sha256:${"f1".repeat(32)}`, mediaType: "m", sizeBytes: 5 }],
  };
  return {
    add: async (name, files, options) => {
      called("artifact add", name, files.length, options);
      return digest;
    },
    push: async (name) => {
      called("artifact push", name);
      return digest;
    },
    pull: async (name) => {
      called("artifact pull", name);
      return digest;
    },
    list: async () => [listing],
    get: async () => listing,
    async *read() {
      yield new TextEncoder().encode("bytes");
    },
    remove: async (name) => called("artifact rm", name),
    referrers: async () => [
      { digest, type: "signature", sizeBytes: 9, annotations: { by: "ada" } },
    ],
  };
}

export function fakeIndexes({ called }: Pick<FakeParts, "called">): Indexes {
  const digest = `sha256:${"1d".repeat(32)}`;
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const manifest = { mediaType: "application/vnd.oci.image.manifest.v1+json", size: 2 };
  const record: IndexRecord = {
    ...{ reference: "docker.io/team/app:1", digest, mediaType, updatedMs: 0 },
    entries: [
      {
        ...{ ...manifest, digest: `sha256:${"a1".repeat(32)}` },
        platform: { os: "linux", architecture: "arm", variant: "v7" },
      },
    ],
  };
  const answering =
    (what: string) =>
    async (...of: unknown[]): Promise<IndexRecord> => {
      called(what, ...of);
      return record;
    };
  return {
    create: answering("create index"),
    add: answering("add to index"),
    annotate: answering("annotate index"),
    takeOut: answering("take out of index"),
    list: async () => [record],
    get: async (name) => {
      if (name === "team/app:1") return record;
      throw new NacreError("not-found", `No such manifest: ${name}`);
    },
    inspect: async (name, options) => {
      called("inspect index", name, options);
      const bytes = new TextEncoder().encode('{"schemaVersion":2}');
      const [entry] = record.entries;
      const child = { reference: `docker.io/team/app@${entry!.digest}`, bytes, children: [] };
      return {
        ...{ reference: `docker.io/team/app@${digest}`, digest, mediaType, bytes },
        children: [{ ...child, ...entry! }],
      };
    },
    push: async (...of) => {
      called("push index", ...of);
      return { reference: record.reference, digest, sizeBytes: 2 };
    },
    remove: async (name) => called("remove index", name),
  };
}
