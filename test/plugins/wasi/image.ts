// Images of WebAssembly modules, as `docker buildx --platform wasi/wasm` makes them, on a registry
// of this process.

import { MemoryContent } from "@nacre/plugin-registry/content.ts";
import { buildImage } from "@nacre/plugin-registry/image-builder.ts";
import { type RegistryServer, serveRegistry } from "@nacre/plugin-registry/server.ts";
import { type TarEntry, tar } from "../../images/tar.ts";
import { toolModule } from "./tool.ts";

export interface WasmRegistry extends AsyncDisposable {
  /** An image of the platform wasi/wasm, by its manifest. */
  readonly tool: string;
  /** An index of one image for Linux and one for wasi/wasm. */
  readonly both: string;
}

const MEDIA_INDEX = "application/vnd.oci.image.index.v1+json";

function toolImage(os: string, entries: readonly TarEntry[] = []) {
  const files: TarEntry[] = [
    { name: "tool.wasm", content: Buffer.from(toolModule()) },
    { name: "etc/", type: "directory" },
    { name: "etc/motd", content: "from a layer\n" },
    { name: "etc/link", type: "symlink", link: "motd" },
    { name: "work/", type: "directory" },
  ];
  return buildImage({
    layers: [{ tar: tar([...files, ...entries]) }],
    process: { Entrypoint: ["/tool.wasm"], Env: ["FROM=image"], WorkingDir: "/work" },
    platform: { os, architecture: os === "wasi" ? "wasm" : "amd64" },
  });
}

export async function serveWasm(): Promise<WasmRegistry> {
  const content = new MemoryContent();
  const images = ["wasi", "linux"].map((os) => toolImage(os));
  for (const { blobs } of images) {
    for (const [digest, bytes] of blobs) content.addBlob(bytes, digest);
  }
  const [wasm, linux] = images as [(typeof images)[0], (typeof images)[0]];
  content.addManifest("team/tool", "1", wasm.manifest);
  content.addManifest("team/both", "wasm", wasm.manifest);
  content.addManifest("team/both", "linux", linux.manifest);
  const described = [
    {
      ...linux.manifestDescriptor,
      platform: { os: "linux", architecture: process.arch === "x64" ? "amd64" : process.arch },
    },
    { ...wasm.manifestDescriptor, platform: { os: "wasi", architecture: "wasm" } },
  ];
  const index = { schemaVersion: 2, mediaType: MEDIA_INDEX, manifests: described };
  content.addManifest("team/both", "1", new TextEncoder().encode(JSON.stringify(index)));
  const server: RegistryServer = await serveRegistry(content);
  return {
    tool: `${server.address}/team/tool:1`,
    both: `${server.address}/team/both:1`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
