// Merged roots: what a snapshotter has made of an image's layers, under their chain ID, and the
// record of it.

import type { Snapshotter, StoredLayer } from "@nacre/core/ports/snapshotter.ts";
import type { StateStore, Transaction } from "@nacre/core/ports/state-store.ts";

const RUNS: readonly string[] = ["starting", "running", "paused"];

export class Roots {
  readonly #snapshotter: Snapshotter;
  readonly #state: StateStore;
  readonly #bootId: string;

  constructor(snapshotter: Snapshotter, state: StateStore, bootId: string) {
    this.#snapshotter = snapshotter;
    this.#state = state;
    this.#bootId = bootId;
  }

  has(chainId: string): boolean {
    return this.#snapshotter.has(chainId);
  }

  /**
   * Makes a root ready if it is not, or if a machine that went down may have torn it; `begins` is
   * called if there is something to do. The layers are whole.
   */
  async prepare(
    chainId: string,
    layers: readonly StoredLayer[],
    begins: () => void = () => {},
  ): Promise<void> {
    if (this.#snapshotter.has(chainId)) {
      if (this.#state.read((transaction) => this.#trusted(transaction, chainId))) return;
      await this.#snapshotter.remove(chainId, []);
    }
    begins();
    // Recorded before it is there, so that a prune beside us does not take it for a stray.
    this.#record(chainId, layers, 0);
    try {
      const { sizeBytes } = await this.#snapshotter.commit(chainId, layers);
      this.#record(chainId, layers, sizeBytes);
    } catch (error) {
      // Unless somebody else has made it meanwhile.
      const key = this.#key(chainId);
      if (!this.#snapshotter.has(chainId)) this.#state.write((t) => t.delete("snapshot", key));
      throw error;
    }
  }

  #record(chainId: string, layers: readonly StoredLayer[], sizeBytes: number): void {
    const key = this.#key(chainId);
    const snapshotter = this.#snapshotter.name;
    const diffIds = layers.map((layer) => layer.diffId);
    const fresh = { durable: false, bootId: this.#bootId };
    this.#state.write((transaction) => {
      const record = { key, snapshotter, chainId, diffIds, sizeBytes, ...fresh };
      transaction.put("snapshot", key, record);
    });
  }

  #key(chainId: string): string {
    return `${this.#snapshotter.name}/${chainId}`;
  }

  /** Whether what is there is whole. What a running container stands on is, and must stay. */
  #trusted(transaction: Transaction, chainId: string): boolean {
    const record = transaction.get("snapshot", this.#key(chainId));
    if (record && (record.durable || record.bootId === this.#bootId)) return true;
    return transaction.list("container").some(({ status, imageId, bootId }) => {
      const runs = RUNS.includes(status) && bootId === this.#bootId && imageId !== undefined;
      return runs && transaction.get("image", imageId)?.chainIds.at(-1) === chainId;
    });
  }
}
