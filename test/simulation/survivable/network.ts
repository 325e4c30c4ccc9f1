// The network of the simulated machines: one registry with one small image, each answer in a few
// chunks, so that it can break in the middle; and one that takes what is pushed.

import { MEDIA } from "@nacre/core/oci/image.ts";
import type { FetchRequest } from "@nacre/core/ports/fetch.ts";
import { sha256 } from "@nacre/plugin-registry/content.ts";
import { buildImage, descriptorOf } from "@nacre/plugin-registry/image-builder.ts";
import { MemoryRepositories } from "@nacre/plugin-registry/memory-repositories.ts";
import { type SimulatedAnswer, SimulatedFetch } from "@nacre/simulated/fetch.ts";
import { registryHost } from "../../../cli/simulate/literal-registry.ts";
import { type TarEntry, tar } from "../../images/tar.ts";

const HOST = "registry.example";
export const IMAGE = `${HOST}/team/app:1`;
/** The same, one for another platform, and what is said about them. */
export const SEVERAL = `${HOST}/team/app:several`;

const program = (name: string): TarEntry => ({ name: `bin/${name}`, content: "#", mode: 0o755 });

const image = buildImage({
  layers: [
    {
      tar: tar([
        { name: "bin/", type: "directory" },
        ...["true", "sleep", "cat"].map(program),
        { name: "etc/", type: "directory" },
        { name: "etc/passwd", content: "root:x:0:0:root:/root:/bin/sh\n" },
      ]),
      compression: "none",
      createdBy: "base",
    },
    { tar: tar([{ name: "etc/app", content: "pearl".repeat(2000) }]), compression: "none" },
  ],
  platform: { os: "linux", architecture: "amd64" },
  process: { Env: ["PATH=/bin"], Cmd: ["true"] },
});

const other = buildImage({
  layers: [{ tar: tar([{ name: "bin/true", content: "arm", mode: 0o755 }]), compression: "none" }],
  platform: { os: "linux", architecture: "arm64" },
});

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const statement = json({ said: "about it" });
const saidBy = json({});
const attestation = json({
  ...{ schemaVersion: 2, mediaType: MEDIA.ociManifest },
  config: descriptorOf(saidBy, MEDIA.ociConfig),
  layers: [descriptorOf(statement, "application/vnd.in-toto+json")],
});
const index = json({
  ...{ schemaVersion: 2, mediaType: MEDIA.ociIndex },
  manifests: [
    { ...image.manifestDescriptor, platform: { os: "linux", architecture: "amd64" } },
    { ...other.manifestDescriptor, platform: { os: "linux", architecture: "arm64" } },
    {
      ...descriptorOf(attestation, MEDIA.ociManifest),
      platform: { os: "unknown", architecture: "unknown" },
    },
  ],
});

const manifests = new Map([
  ["1", image.manifest],
  ["several", index],
  ...[image.manifest, other.manifest, attestation, index].map(
    (bytes) => [sha256(bytes), bytes] as const,
  ),
]);
const blobs = new Map([
  ...image.blobs,
  ...other.blobs,
  ...[statement, saidBy].map((bytes) => [sha256(bytes), bytes] as const),
]);

async function* inParts(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const half = Math.ceil(bytes.length / 2);
  yield bytes.subarray(0, half);
  if (bytes.length > half) yield bytes.subarray(half);
}

function answer(request: FetchRequest, url: URL): SimulatedAnswer {
  const [, kind, reference = ""] =
    /^\/v2\/team\/app\/(manifests|blobs)\/(.+)$/.exec(url.pathname) ?? [];
  const manifest = kind === "manifests" ? manifests.get(reference) : undefined;
  if (manifest) {
    return {
      headers: {
        "content-type": manifest === index ? MEDIA.ociIndex : MEDIA.ociManifest,
        "docker-content-digest": sha256(manifest),
      },
      body: inParts(manifest),
    };
  }
  const blob = kind === "blobs" ? blobs.get(reference) : undefined;
  if (!blob) return { status: url.pathname === "/v2/" ? 200 : 404 };
  const [, start] = /^bytes=(\d+)-$/.exec(request.headers.range ?? "") ?? [];
  const from = Number(start ?? 0);
  const total = blob.length;
  const length = { "content-length": String(total - from) };
  if (start === undefined) return { headers: length, body: inParts(blob) };
  const range = { "content-range": `bytes ${from}-${total - 1}/${total}` };
  return { status: 206, headers: { ...length, ...range }, body: inParts(blob.subarray(from)) };
}

/** One for each machine, so that none finds what another has pushed. */
export const network = (): SimulatedFetch =>
  new SimulatedFetch({
    [`https://${HOST}`]: answer,
    "https://registry-1.docker.io": registryHost(new MemoryRepositories(sha256)),
  });
