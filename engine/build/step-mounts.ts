// `RUN --mount`: from what is written to what a step's container has mounted, and to what of it
// decides what the step comes to.

import type { RunMount } from "@nacre/core/dockerfile/run-mount.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { Platform } from "@nacre/core/oci/image.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { Snapshotter, StorageLayer } from "@nacre/core/ports/snapshotter.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { BindRequest, PlainMount } from "@nacre/core/program/request.ts";
import type { ImageRecord } from "@nacre/core/state/records.ts";
import type { BuildSecret } from "../build-interface.ts";
import type { StepMounts } from "../containers/plan-parts.ts";
import type { StatePaths } from "../images/paths.ts";
import { steppedHostFiles, steppedHostRoot } from "../snapshotters/host.ts";
import type { BuildLayers } from "./build-layers.ts";
import type { CacheMounts } from "./cache-mounts.ts";

/** What a step's mounts come to. */
export interface RealMounts {
  /** What they add to the key of the step: what it can see, but for caches and secrets. */
  readonly inputs: readonly object[];
  /** `K=V` of secrets and agents: in no image. */
  readonly environment: readonly string[];
  readonly targets: readonly string[];
  readonly plan: (id: string) => Partial<StepMounts>;
  /** Gives back what the step had for itself. */
  readonly release: () => void;
}

/** Where a bind's files come from: layers, and a path in them. */
export type FindRoot = (mount: RunMount) => Promise<{
  readonly diffIds: readonly string[];
  readonly subpath: string;
  readonly platform: Platform;
}>;

export interface MountInputs {
  readonly secrets: readonly BuildSecret[];
  readonly ssh: Readonly<Record<string, string>>;
  readonly findRoot: FindRoot;
  /** Paths are taken from here. */
  readonly resolve: (path: string) => string;
}

/** The root of layers, or a part of it, as a step sees it. */
interface BoundRoot {
  readonly target: string;
  readonly subpath: string;
  readonly readOnly: boolean;
  /** Where what is written to it stays; absent: with the step. */
  readonly kept?: string;
}

interface Draft {
  readonly inputs: object[];
  readonly environment: string[];
  readonly targets: string[];
  readonly parts: ((id: string) => Partial<StepMounts>)[];
  readonly releases: (() => void)[];
}

const SECRET_LIMIT_BYTES = 512 << 10;

export class StepMountMaker {
  readonly #kernel: Pick<Kernel, "facts">;
  readonly #files: Files;
  readonly #layers: BuildLayers;
  readonly #snapshotter: Snapshotter;
  readonly #caches: CacheMounts;
  readonly #paths: StatePaths;

  constructor(
    kernel: Pick<Kernel, "facts">,
    files: Files,
    layers: BuildLayers,
    snapshotter: Snapshotter,
    caches: CacheMounts,
    paths: StatePaths,
  ) {
    this.#kernel = kernel;
    this.#files = files;
    this.#layers = layers;
    this.#snapshotter = snapshotter;
    this.#caches = caches;
    this.#paths = paths;
  }

  /** What is needed for the key. NacreError `invalid`, `not-found`, `unsupported`. */
  async make(mounts: readonly RunMount[], inputs: MountInputs): Promise<RealMounts> {
    const draft: Draft = { inputs: [], environment: [], targets: [], parts: [], releases: [] };
    for (const [number, mount] of mounts.entries()) await this.#add(draft, mount, number, inputs);
    const { environment, targets, parts, releases } = draft;
    return {
      ...{ inputs: draft.inputs, environment, targets },
      plan: (id) => joinedMounts(parts.map((part) => part(id))),
      release: () => {
        for (const release of releases) release();
      },
    };
  }

  /** This machine's root as the steps before have left it. */
  async hostRoot(
    diffIds: readonly string[],
    gone: readonly string[],
    platform: Platform,
  ): Promise<(id: string) => Partial<StepMounts>> {
    const image = diffIds.length > 0 ? await this.#layers.root(diffIds, platform) : undefined;
    return (id) => {
      const { upper, work } = this.#paths.container(id);
      const storage = { upper, work, rootfs: this.#paths.rootfs };
      const layers =
        image &&
        this.#snapshotter.root(
          image.chainIds.at(-1) ?? "",
          this.#layers.stored(image.config.rootfs.diff_ids),
          storage,
          { readOnly: false, ephemeral: true },
        );
      const stepped = { ...(layers && { layers }), gone, memory: this.#paths.files };
      return {
        root: steppedHostRoot(this.#kernel.facts(), stepped, storage, this.#paths.root),
        files: steppedHostFiles(gone),
      };
    };
  }

  /** A file of this machine, to read, at a place in the container. */
  script(target: string, source: string): Partial<StepMounts> {
    return { mounts: [{ ...bind(source, target, true), ...OF_THE_STEP }] };
  }

  async #add(draft: Draft, mount: RunMount, number: number, inputs: MountInputs): Promise<void> {
    switch (mount.type) {
      case "bind":
        return this.#bind(draft, mount, number, inputs);
      case "cache":
        return this.#cache(draft, mount, number, inputs);
      case "tmpfs": {
        const target = inputs.resolve(mount.target ?? "");
        const options = mount.sizeBytes === undefined ? [] : [`size=${mount.sizeBytes}`];
        draft.inputs.push({ type: "tmpfs", target, options });
        draft.targets.push(target);
        draft.parts.push(() => ({ mounts: [{ type: "tmpfs", target, options }] }));
        return;
      }
      case "secret":
        return this.#secret(draft, mount, number, inputs);
      case "ssh":
        return this.#ssh(draft, mount, number, inputs);
    }
  }

  async #bind(
    draft: Draft,
    mount: RunMount,
    number: number,
    { findRoot, resolve }: MountInputs,
  ): Promise<void> {
    const { diffIds, subpath, platform } = await findRoot(mount);
    const target = resolve(mount.target ?? "");
    const image = await this.#layers.root(diffIds, platform);
    const { readOnly } = mount;
    const root = image.chainIds.at(-1) ?? "";
    draft.inputs.push({ type: "bind", target, root, subpath, readOnly });
    draft.targets.push(target);
    draft.parts.push((id) => this.#boundRoot(id, number, image, { target, subpath, readOnly }));
  }

  #boundRoot(
    id: string,
    number: number,
    { chainIds, config }: ImageRecord,
    wanted: BoundRoot,
  ): Partial<StepMounts> {
    const own = `${this.#paths.container(id).directory}/mounts/${number}`;
    const { subpath, target, readOnly, kept } = wanted;
    const written = kept ?? own;
    const storage: StorageLayer = {
      ...{ upper: `${written}/upper`, work: `${written}/work`, rootfs: `${own}/rootfs` },
    };
    for (const path of [storage.work, storage.upper, storage.rootfs]) {
      this.#files.makeDirectory(path, path === storage.upper ? 0o755 : 0o700);
    }
    const stored = this.#layers.stored(config.rootfs.diff_ids);
    const plan = this.#snapshotter.root(chainIds.at(-1) ?? "", stored, storage, {
      ...{ readOnly, ephemeral: kept === undefined },
    });
    const below = subpath === "" ? {} : { subpath };
    return { ...plan, mounts: [{ ...bind(storage.rootfs, target, readOnly), ...below }] };
  }

  async #cache(
    draft: Draft,
    mount: RunMount,
    number: number,
    { findRoot, resolve }: MountInputs,
  ): Promise<void> {
    const target = resolve(mount.target ?? "");
    const { mode = 0o755, uid, gid, sharing, readOnly } = mount;
    const id = mount.id ?? target;
    draft.targets.push(target);
    if (mount.from === undefined) {
      const cache = await this.#caches.take(id, { mode, uid, gid, sharing });
      draft.inputs.push({ type: "cache", target, id });
      draft.releases.push(cache.release);
      draft.parts.push(() => ({
        mounts: [{ ...bind(cache.path, target, readOnly), ...OF_THE_STEP }],
      }));
      return;
    }
    // What steps write lies over what it begins with, in the cache's own directory. Two overlays
    // must not have the same one, so that steps which would share it wait for each other.
    const { diffIds, subpath, platform } = await findRoot(mount);
    const image = await this.#layers.root(diffIds, platform);
    const root = image.chainIds.at(-1) ?? "";
    const alone = sharing === "private" ? sharing : "locked";
    const own = { mode: 0o700, uid: 0, gid: 0, sharing: alone } as const;
    const cache = await this.#caches.take(`${id} over ${root}`, own);
    draft.inputs.push({ type: "cache", target, id, root, subpath });
    draft.releases.push(cache.release);
    const wanted = { target, subpath, readOnly, kept: cache.path };
    draft.parts.push((container) => this.#boundRoot(container, number, image, wanted));
  }

  #secret(draft: Draft, mount: RunMount, number: number, { secrets, resolve }: MountInputs): void {
    const id =
      mount.id ?? mount.source ?? (mount.target ?? mount.env ?? "").split("/").at(-1) ?? "";
    const secret = secrets.find((one) => one.id === id);
    draft.inputs.push({ type: "secret", id, target: mount.target ?? "", env: mount.env ?? "" });
    if (!secret) {
      if (!mount.required) return;
      throw new NacreError(
        "not-found",
        `the step needs the secret ${JSON.stringify(id)}, which was not given`,
        {
          advice: `Give it: --secret id=${id},src=FILE.`,
        },
      );
    }
    if (mount.env !== undefined) draft.environment.push(`${mount.env}=${this.#secretText(secret)}`);
    if (mount.env !== undefined && mount.target === undefined) return;
    const target = resolve(mount.target ?? `/run/secrets/${id}`);
    const name = `secret-${number}`;
    const { mode = 0o400, uid, gid } = mount;
    const file = this.#secretFile(secret, name, { mode, uid, gid });
    draft.targets.push(target);
    draft.parts.push(() => ({
      files: [file],
      mounts: [bind(`${this.#paths.files}/${name}`, target, true)],
    }));
  }

  /** In memory alone, and gone with the step. */
  #secretFile(
    { file, value = "" }: BuildSecret,
    path: string,
    owned: { readonly mode: number; readonly uid: number; readonly gid: number },
  ): Operation {
    const why = "a secret of this step: it is in no layer";
    if (file === undefined) return { op: "placeText", path, data: value, ...owned, why };
    const { sizeBytes } = this.#secretStatus(file);
    const segments = sizeBytes === 0 ? [] : [[0, sizeBytes] as const];
    return { op: "placeFile", path, source: file, segments, ...owned, why };
  }

  #secretStatus(file: string): { readonly sizeBytes: number } {
    const status = this.#files.status(file);
    if (status && status.kind !== "directory" && status.sizeBytes <= SECRET_LIMIT_BYTES)
      return status;
    const why = !status
      ? "is not there"
      : status.kind === "directory"
        ? "is a directory"
        : "is too large";
    throw new NacreError("invalid", `the file ${file} of a secret ${why}`);
  }

  #secretText({ file, value = "" }: BuildSecret): string {
    if (file === undefined) return value;
    this.#secretStatus(file);
    return this.#files.readText(file);
  }

  #ssh(draft: Draft, mount: RunMount, number: number, { ssh, resolve }: MountInputs): void {
    const id = mount.id ?? "default";
    const socket = ssh[id];
    draft.inputs.push({ type: "ssh", id, target: mount.target ?? "" });
    if (socket === undefined) {
      if (!mount.required) return;
      throw new NacreError(
        "not-found",
        `the step needs the ssh agent ${JSON.stringify(id)}, which was not given`,
        {
          advice: `Give it: --ssh ${id}${id === "default" ? "" : "=SOCKET"}.`,
        },
      );
    }
    const target = resolve(mount.target ?? `/run/buildkit/ssh_agent.${number}`);
    draft.environment.push(`SSH_AUTH_SOCK=${target}`);
    draft.targets.push(target);
    draft.parts.push(() => ({
      mounts: [{ ...bind(socket, target, false), ...OF_THE_STEP }],
    }));
  }
}

/** Its files have the IDs that they have in the step, whatever users that has. */
const OF_THE_STEP = { idmap: "owner" } as const;

function bind(source: string, target: string, readOnly: boolean): BindRequest {
  return { type: "bind", source, target, readOnly, recursive: false, propagation: "private" };
}

/** In their order. Of several roots the first one counts. */
export function joinedMounts(parts: readonly Partial<StepMounts>[]): StepMounts {
  const all = <T>(of: (part: Partial<StepMounts>) => readonly T[] | undefined): T[] =>
    parts.flatMap((part) => of(part) ?? []);
  const root = parts.find((part) => part.root)?.root;
  return {
    ...(root && { root }),
    host: all<Operation>((part) => part.host),
    child: all<Operation>((part) => part.child),
    mounts: all<PlainMount>((part) => part.mounts),
    files: all<Operation>((part) => part.files),
  };
}
