// The network of the simulated machines: one registry with one small image, each answer in a few
// chunks, so that it can break in the middle; and one that takes what is pushed.

import type { FetchRequest } from "@nacre/core/ports/fetch.ts";
import { sha256 } from "@nacre/plugin-registry/content.ts";
import { buildImage } from "@nacre/plugin-registry/image-builder.ts";
import { MemoryRepositories } from "@nacre/plugin-registry/memory-repositories.ts";
import { type SimulatedAnswer, SimulatedFetch } from "@nacre/simulated/fetch.ts";
import { registryHost } from "../../../cli/simulate/literal-registry.ts";
import { type TarEntry, tar } from "../../images/tar.ts";

const HOST = "registry.example";
export const IMAGE = `${HOST}/team/app:1`;

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

const manifestDigest = sha256(image.manifest);

async function* inParts(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const half = Math.ceil(bytes.length / 2);
  yield bytes.subarray(0, half);
  if (bytes.length > half) yield bytes.subarray(half);
}

function answer(request: FetchRequest, url: URL): SimulatedAnswer {
  const [, kind, reference = ""] =
    /^\/v2\/team\/app\/(manifests|blobs)\/(.+)$/.exec(url.pathname) ?? [];
  if (kind === "manifests" && ["1", manifestDigest].includes(reference)) {
    return {
      headers: {
        "content-type": image.manifestDescriptor.mediaType,
        "docker-content-digest": manifestDigest,
      },
      body: inParts(image.manifest),
    };
  }
  const blob = kind === "blobs" ? image.blobs.get(reference) : undefined;
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
