// How images are found by what people type. The core takes milliseconds to load: names that can be
// found without it are.

import { findImage } from "@nacre/engine/images/image-lookup.ts";
import { SimulatedStateStore } from "@nacre/simulated/state-store.ts";
import { expect, it } from "vitest";
import { wasmCore } from "../core/wasm-core.ts";

const id = `sha256:${"ab".repeat(32)}`;
const image = {
  id,
  manifestDigest: `sha256:${"cd".repeat(32)}`,
  manifestMediaType: "application/vnd.oci.image.manifest.v1+json",
  config: { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [] } },
  layers: [],
  chainIds: [],
  sizeBytes: 0,
  pulledMs: 0,
  passwd: "",
  group: "",
} as const;

function found(text: string): { id: string; tag: string | undefined; core: boolean } {
  const state = new SimulatedStateStore();
  state.write((t) => {
    t.put("image", id, image);
    for (const reference of ["docker.io/library/debian:latest", "docker.io/library/debian:12"]) {
      t.put("tag", reference, { reference, imageId: id, digest: id, updatedMs: 0 });
    }
  });
  let core = false;
  const load = () => {
    core = true;
    return wasmCore();
  };
  const { image: one, tag } = state.read((t) => findImage(load, t, text));
  return { id: one.id, tag: tag?.reference, core };
}

it.each([
  ["debian", "docker.io/library/debian:latest"],
  ["debian:12", "docker.io/library/debian:12"],
  ["docker.io/library/debian:12", "docker.io/library/debian:12"],
  [id, undefined],
])("finds %s without the core", (text, tag) => {
  expect(found(text)).toEqual({ id, tag, core: false });
});

it.each([
  ["docker.io/debian", "docker.io/library/debian:latest"],
  ["library/debian:12", "docker.io/library/debian:12"],
  ["abab", undefined],
])("finds %s with it", (text, tag) => {
  expect(found(text)).toEqual({ id, tag, core: true });
});

it("says what to do where there is none", () => {
  expect(() => found("alpine")).toThrow("No such image: alpine:latest");
});
