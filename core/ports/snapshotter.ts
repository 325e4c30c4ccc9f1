import type { Operation } from "../program/operation.ts";
import type { UserMaps } from "../user-namespace/id-map.ts";
import { token } from "./token.ts";

/** A layer that is on this machine: its diff ID, its uncompressed tar and its index (core/layer-index.ts). */
export interface StoredLayer {
  readonly diffId: string;
  readonly tarPath: string;
  readonly tarBytes: number;
  readonly indexPath: string;
}

/** How a container's root comes to be, as operations of its program. */
export interface RootPlan {
  /** Run in the host section: what containers of an image share. */
  readonly host: readonly Operation[];
  /** Run in the child's mount namespace; after them the root is mounted at the container's rootfs directory. */
  readonly child: readonly Operation[];
}

/** What a container wants of its root. */
export interface RootOptions {
  readonly readOnly: boolean;
  /** The storage layer is thrown away when the container ends: nothing in it ever waits for the disk. */
  readonly ephemeral?: boolean;
}

/** Where a container's storage layer lives; both directories exist. */
export interface StorageLayer {
  readonly upper: string;
  readonly work: string;
  /** The empty directory on which the root is mounted, in the container's own mount namespace. */
  readonly rootfs: string;
}

/**
 * Turns layers into a root file system.
 *
 * Lifecycle: `commit` makes an image's merged layers ready under a chain ID; it is idempotent and
 * atomic (a killed commit leaves nothing that `root` would use), and is called once an image.
 * `root` returns the operations that give a container its root: every container of an image shares
 * the read-only part, and writes to its own storage layer. It only computes. `remove` deletes what
 * `commit` made once no container needs it.
 *
 * ```ts
 * await snapshotter.commit(chainId, layers);
 * const plan = snapshotter.root(chainId, layers, storage, { readOnly: false });
 * program.host.push(...plan.host);
 * ```
 *
 * Errors: NacreError `corrupt` if a layer's index does not fit its tar, `no-space`, `unsupported`.
 */
export interface Snapshotter {
  /** `erofs`, `directory`, or a plugin's name. */
  readonly name: string;
  /** Undefined where this host can do it, else why it cannot. */
  unsupported(): string | undefined;
  commit(chainId: string, layers: readonly StoredLayer[]): Promise<{ readonly sizeBytes: number }>;
  has(chainId: string): boolean;
  /**
   * The same over layers whose files belong to IDs of `users`, for engines that may not mount them
   * with other owners. What it commits is its own, counted nowhere, and goes with `remove` of this
   * one. A snapshotter without it gives containers of such an engine no users of their own.
   */
  ownedBy?(users: UserMaps): Snapshotter;
  root(
    chainId: string,
    layers: readonly StoredLayer[],
    storage: StorageLayer,
    options: RootOptions,
  ): RootPlan;
  /** Also removes what a killed commit left of it; what is absent is fine. */
  remove(chainId: string, diffIds: readonly string[]): Promise<void>;
  /** Chain IDs of everything that lies here, whole or not: what nobody knows of is removed by them. */
  list(): readonly string[];
}

/** All that are bound, by multi-injection; chosen by name. */
export const Snapshotter = token<Snapshotter>("Snapshotter");
