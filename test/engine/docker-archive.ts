import { gunzipSync } from "node:zlib";
import type { BuiltImage } from "@nacre/plugin-registry/image-builder.ts";
import { tar } from "../images/tar.ts";

/** The archive that docker before 25 and podman write. */
export function dockerArchive(built: BuiltImage, tags: readonly string[] = ["old:1"]): Buffer {
  const config = built.blobs.get(built.id)!;
  const layers = built.layers.map(({ digest }) => gunzipSync(built.blobs.get(digest)!));
  const entries = layers.flatMap((bytes, at) => [
    { name: `layer${at}/VERSION`, content: "1.0" },
    { name: `plain/${at}.tar`, content: bytes },
    { name: `layer${at}/layer.tar`, type: "symlink" as const, link: `../plain/${at}.tar` },
  ]);
  const manifest = [
    {
      Config: `${built.id.slice(7)}.json`,
      RepoTags: tags,
      Layers: layers.map((_, at) => `layer${at}/layer.tar`),
    },
  ];
  return Buffer.from(
    tar([
      ...entries,
      { name: `${built.id.slice(7)}.json`, content: Buffer.from(config) },
      { name: "manifest.json", content: JSON.stringify(manifest) },
      { name: "repositories", content: "{}" },
    ]),
  );
}
