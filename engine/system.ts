// The engine about itself, and the removal of what nobody needs any more.

import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { Reconciler } from "./containers/reconcile.ts";
import type { TakeDown } from "./containers/take-down.ts";
import type {
  CheckOptions,
  CheckReport,
  Containers,
  DiskUsage,
  Images,
  Namespaces,
  PruneOptions,
  PruneReport,
  System,
  SystemInfo,
  Volumes,
} from "./engine.ts";
import { checkFilterKeys } from "./filters.ts";
import type { ImageService } from "./images/images.ts";
import type { StatePaths } from "./images/paths.ts";

export interface SystemOptions {
  readonly version: string;
  readonly backend: string;
  readonly snapshotter: string;
  readonly usernsRemap: string | undefined;
  /** `v1`, `v2`, `hybrid` or `none`. */
  readonly cgroup: () => string;
  readonly cgroupDelegated: () => boolean;
  readonly prunePins: Namespaces["prunePins"];
  readonly pruneImages: Images["prune"];
  readonly pruneVolumes: Volumes["prune"];
  readonly listVolumes: Volumes["list"];
  readonly check: System["check"];
}

/** Before anything goes. */
function checkPrune({ untilMs, volumes, filters = {} }: PruneOptions): void {
  checkFilterKeys(filters, ["label", "label!"], ["until"]);
  if (untilMs === undefined || !volumes) return;
  throw new NacreError("invalid", 'The "until" filter is not supported with "--volumes"', {
    advice: "Nobody recorded when a volume was last used. Leave one of them out.",
  });
}

const NOTHING = { volumes: [], reclaimedBytes: 0 };

export class SystemService implements System {
  readonly #kernel: Kernel;
  readonly #files: Files;
  readonly #state: StateStore;
  readonly #images: ImageService;
  readonly #containers: Containers;
  readonly #reconciler: Reconciler;
  readonly #takeDown: TakeDown;
  readonly #paths: StatePaths;
  readonly #options: SystemOptions;

  constructor(
    kernel: Kernel,
    files: Files,
    state: StateStore,
    images: ImageService,
    containers: Containers,
    reconciler: Reconciler,
    takeDown: TakeDown,
    paths: StatePaths,
    options: SystemOptions,
  ) {
    this.#kernel = kernel;
    this.#files = files;
    this.#state = state;
    this.#images = images;
    this.#containers = containers;
    this.#reconciler = reconciler;
    this.#takeDown = takeDown;
    this.#paths = paths;
    this.#options = options;
  }

  get snapshotter(): string {
    return this.#options.snapshotter;
  }

  info(): SystemInfo {
    const containers = this.#containers.list({ all: true });
    return {
      version: this.#options.version,
      root: this.#paths.root,
      backend: this.#options.backend,
      snapshotter: this.snapshotter,
      ...(this.#options.usernsRemap && { usernsRemap: this.#options.usernsRemap }),
      kernel: this.#kernel.facts(),
      cgroup: this.#options.cgroup(),
      cgroupDelegated: this.#options.cgroupDelegated(),
      containers: {
        total: containers.length,
        running: containers.filter((c) => c.status === "running").length,
        paused: containers.filter((c) => c.status === "paused").length,
      },
      images: this.#images.list().length,
    };
  }

  async diskUsage(): Promise<DiskUsage> {
    const { diskUsage } = await import("./disk-usage.ts");
    const { listVolumes } = this.#options;
    const volumes = { list: listVolumes };
    return diskUsage(this.#files, this.#state, this.#containers, volumes, this.#paths);
  }

  check(options?: CheckOptions): Promise<CheckReport> {
    return this.#options.check(options);
  }

  async prune(options: PruneOptions = {}): Promise<PruneReport> {
    const { all = false, untilMs, filters = {} } = options;
    checkPrune(options);
    const chosen = { filters, ...(untilMs !== undefined && { untilMs }) };
    const stopped = await this.#containers.prune(chosen);
    const { containers } = stopped;
    await this.#reconciler.settled();
    containers.push(...(await this.#orphans()));
    const images = await this.#options.pruneImages({ all, ...chosen });
    const unused = options.volumes ? await this.#options.pruneVolumes({ filters }) : NOTHING;
    const pins = await this.#options.prunePins({ unused: options.pins ?? false });
    return {
      ...{ containers, untagged: images.untagged, images: images.deleted },
      ...{ volumes: unused.volumes, pins },
      reclaimedBytes: stopped.reclaimedBytes + images.reclaimedBytes + unused.reclaimedBytes,
    };
  }

  /** Directories of containers that were never recorded or were forgotten, and mounts that nobody holds. */
  async #orphans(): Promise<string[]> {
    const known = new Set(
      this.#state.read((t) => t.list("container")).map((c: ContainerRecord) => c.id),
    );
    const removed: string[] = [];
    for (const id of this.#files.list(this.#paths.containers)) {
      if (known.has(id)) continue;
      await this.#files.removeTree(this.#paths.container(id).directory);
      if (!id.includes(".")) removed.push(id);
    }
    await this.#takeDown.sweep();
    return removed;
  }
}
