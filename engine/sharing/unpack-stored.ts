// Layers out of blobs that are here, with no registry behind them.

import { NacreError } from "@nacre/core/error.ts";
import type { Descriptor } from "@nacre/core/oci/image.ts";
import type { LayerStore } from "../images/layer-store.ts";

/** Unpacks a blob that is stored. NacreError `corrupt` where it is not what its digest says. */
export function unpackStored(
  layers: LayerStore,
  descriptor: Descriptor,
  diffId: string,
): Promise<void> {
  const repository = {
    // biome-ignore lint/correctness/useYield: there is nothing to give
    async *blob(): AsyncGenerator<Uint8Array> {
      throw new NacreError("corrupt", `the stored blob ${descriptor.digest} is damaged`);
    },
  };
  const budget = { leftBytes: Number.POSITIVE_INFINITY };
  const { signal } = new AbortController();
  return layers.store({ repository, descriptor, diffId, budget, signal, received: () => {} });
}
