// The engine put together from its ports: constructors called in order, nothing decided.

import { NacreError } from "@nacre/core/error.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Codec } from "@nacre/core/ports/codec.ts";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";
import type { CredentialStore } from "@nacre/core/ports/credential-store.ts";
import type { Extensions } from "@nacre/core/ports/extensions.ts";
import type { Fetch } from "@nacre/core/ports/fetch.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { LogDriver } from "@nacre/core/ports/log-driver.ts";
import type { NetworkDriver } from "@nacre/core/ports/network-driver.ts";
import type { Random } from "@nacre/core/ports/random.ts";
import type { Snapshotter } from "@nacre/core/ports/snapshotter.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { VolumeDriver } from "@nacre/core/ports/volume-driver.ts";
import type { MountedHierarchy } from "@nacre/core/program/cgroup-plan.ts";
import type { ContainerRecord, IndexRecord } from "@nacre/core/state/records.ts";
import { whenUsed } from "@nacre/core/when-used.ts";
import { buildsView } from "./build/view.ts";
import { lazyLayout, usableHierarchies } from "./cgroups/layout.ts";
import { attachTo } from "./containers/attaching.ts";
import { cgroupById } from "./containers/cgroup-of.ts";
import { ContainerRecords } from "./containers/container-records.ts";
import { ContainerService } from "./containers/containers.ts";
import { Freezer } from "./containers/freezer.ts";
import { endWait } from "./containers/health-checks.ts";
import { removeUnlessNeeded } from "./containers/image-of-removed.ts";
import { keepers } from "./containers/keepers.ts";
import { Limits } from "./containers/limits.ts";
import { ContainerLooks } from "./containers/looks.ts";
import { Machine } from "./containers/machine-facts.ts";
import { ContainerMounts } from "./containers/mounts.ts";
import { Pausing } from "./containers/pausing.ts";
import { Planner } from "./containers/planner.ts";
import { Processes } from "./containers/processes.ts";
import { Reconciler } from "./containers/reconcile.ts";
import { Runtimes } from "./containers/runtimes.ts";
import { startsAndEnds } from "./containers/starts-and-ends.ts";
import { ContainerStorage } from "./containers/storage.ts";
import { SystemCallFilters } from "./containers/system-call-filters.ts";
import { TakeDown } from "./containers/take-down.ts";
import { Usage } from "./containers/usage.ts";
import { userChooser } from "./containers/user-chooser.ts";
import { CopyClaims } from "./copies/copy-claims.ts";
import { filesOpener } from "./copies/opener.ts";
import type { Engine, PullOptions } from "./engine.ts";
import { EventBus } from "./event-bus.ts";
import { Named } from "./extensions.ts";
import { History } from "./history.ts";
import { ImageService, type ImageServiceOptions } from "./images/images.ts";
import { imagesById } from "./images/images-by-id.ts";
import { LayerStore } from "./images/layer-store.ts";
import { StatePaths } from "./images/paths.ts";
import { cgroupsView, namespacesView } from "./kernel-views.ts";
import { logDrivers } from "./logs/drivers.ts";
import type { EngineOptions } from "./options.ts";
import { tellOfPrune } from "./past-event.ts";
import { Registry } from "./registry/registry.ts";
import { archivesView } from "./roots/view.ts";
import { ContainerSecrets } from "./secrets/container-secrets.ts";
import { SecretStore } from "./secrets/secret-store.ts";
import {
  artifactsView,
  checkingOf,
  indexesView,
  pullOfIndex,
  registriesView,
  servingOf,
  sharedImages,
} from "./sharing/view.ts";
import { SystemService } from "./system.ts";
import { VolumeFiller } from "./volumes/fill.ts";
import { VolumeRecords } from "./volumes/volume-records.ts";
import { VolumeService } from "./volumes/volumes.ts";

export interface EnginePorts {
  readonly kernel: Kernel;
  readonly files: Files;
  readonly state: StateStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly codec: Codec;
  readonly fetch: Fetch;
  readonly credentials: CredentialStore;
  readonly content: ContentStore;
  readonly snapshotters: readonly Snapshotter[];
  readonly networks: readonly NetworkDriver[];
  readonly volumes: readonly VolumeDriver[];
  readonly log: LogDriver;
  /** What plugins add, if there may be any. */
  readonly extensions: Extensions | undefined;
}

/** The one that was asked for, or the first that this host can do. */
function choose(all: readonly Snapshotter[], wanted: string | undefined): Snapshotter {
  const found =
    wanted === undefined
      ? (all.find((s) => s.unsupported() === undefined) ?? all.at(-1))
      : all.find((s) => s.name === wanted);
  if (!found) {
    throw new NacreError("not-found", `snapshotter ${wanted} not found`, {
      advice: `There are: ${all.map((s) => s.name).join(", ")}.`,
    });
  }
  const reason = wanted === undefined ? undefined : found.unsupported();
  if (reason === undefined) return found;
  throw new NacreError("unsupported", `snapshotter ${found.name} cannot work here: ${reason}`, {
    advice: "Leave --snapshotter out: Nacre takes the best that this machine can do.",
  });
}

/** What a kernel can do is asked when it is needed; whether there is one by a name, at once. */
function snapshotterOf({ snapshotters }: EnginePorts, { snapshotter }: EngineOptions): Snapshotter {
  if (snapshotter !== undefined) return choose(snapshotters, snapshotter);
  return whenUsed(() => choose(snapshotters, undefined));
}

function layerStore(ports: EnginePorts, paths: StatePaths, options: EngineOptions): LayerStore {
  const { files, content, state, codec } = ports;
  return new LayerStore(options.core, files, content, state, codec, paths, options.bootId);
}

const platformOf = (kernel: Kernel) => ({
  os: "linux",
  get architecture() {
    return kernel.facts().architecture;
  },
});

function registryClient(ports: EnginePorts, { core, registries }: EngineOptions): Registry {
  const { fetch, clock, codec, credentials } = ports;
  return new Registry(core, fetch, clock, codec, credentials, registries);
}

function imageService(
  ports: EnginePorts,
  registry: Registry,
  chosen: Snapshotter,
  layers: LayerStore,
  bus: EventBus,
  paths: StatePaths,
  options: EngineOptions,
  fromIndex: NonNullable<ImageServiceOptions["fromIndex"]>,
): ImageService {
  const { kernel, files, state, clock, random } = ports;
  const { core, bootId, self } = options;
  return new ImageService(
    core,
    kernel,
    files,
    ports.content,
    state,
    clock,
    random,
    bus,
    registry,
    chosen,
    ports.snapshotters,
    layers,
    paths,
    {
      ...{ bootId, self, platform: platformOf(kernel), fromIndex },
      executes: (platform) => ports.extensions?.runtimeFor(platform) !== undefined,
    },
  );
}

/** What the services of containers share with others. */
interface Shared {
  readonly images: ImageService;
  readonly layers: LayerStore;
  readonly bus: EventBus;
  readonly paths: StatePaths;
  readonly snapshotter: Snapshotter;
  readonly hierarchies: () => readonly MountedHierarchy[];
}

function containerLooks(
  { files, clock, extensions, ...ports }: EnginePorts,
  { images, bus, paths, hierarchies }: Shared,
  records: ContainerRecords,
  reconciler: Reconciler,
  runtimes: Runtimes,
  volumes: VolumeService,
  storage: ContainerStorage,
  capabilities: () => readonly string[],
): ContainerLooks {
  const processes = whenUsed(() => new Processes(ports.kernel, files, hierarchies));
  return new ContainerLooks(
    records,
    reconciler,
    images,
    whenUsed(
      () =>
        new Named("LogDriver", "log driver", logDrivers({ ...ports, files, clock }), extensions),
    ),
    runtimes,
    whenUsed(() => new Usage(files, clock, hierarchies, processes)),
    processes,
    ...([volumes, storage, paths, capabilities] as const),
    (bytes) => tellOfPrune({ state: ports.state, clock, bus }, "container", bytes),
  );
}

/** Volumes, and what of them and of this machine is mounted in containers. */
function mountServices(
  ports: EnginePorts,
  images: ImageService,
  bus: EventBus,
  paths: StatePaths,
  { core, self, bootId, usernsRemap }: EngineOptions,
  find: (container: string) => ContainerRecord,
  secretStore: SecretStore,
) {
  const { kernel, files, state, clock, random } = ports;
  const secrets = whenUsed(() => new ContainerSecrets(secretStore, files, paths));
  const records = whenUsed(() => new VolumeRecords(kernel, state, clock, bus, { self, bootId }));
  const volumes = whenUsed(() => {
    const drivers = new Named("VolumeDriver", "volume driver", ports.volumes, ports.extensions);
    return new VolumeService(files, random, records, drivers);
  });
  const mounts = whenUsed(() => {
    const filler = whenUsed(
      () => new VolumeFiller(kernel, files, state, random, self, { core, stateRoot: paths.root }),
    );
    const users = userChooser(() => ({ files, find, facts: kernel.facts(), remap: usernsRemap }));
    const parts = [files, images, volumes, records, filler, paths, find, users] as const;
    return new ContainerMounts(...parts, secrets);
  });
  return { volumes, mounts };
}

function containerPlanner(
  { kernel, files, codec, extensions, ...ports }: EnginePorts,
  { layers, bus, paths, hierarchies }: Shared,
  { settleCommand }: EngineOptions,
  parts: { runtimes: Runtimes; mounts: ContainerMounts; machine: Machine },
  find: (container: string) => ContainerRecord,
): Planner {
  const { runtimes, mounts, machine } = parts;
  const filters = new SystemCallFilters(files, codec, paths, () => kernel.facts(), machine);
  return new Planner(
    ...([kernel, files, layers] as const),
    new Named("Snapshotter", "snapshotter", ports.snapshotters, extensions),
    new Named("NetworkDriver", "network", ports.networks, extensions),
    ...([runtimes, mounts, filters, paths] as const),
    { settleCommand, hierarchies, machine, find, tell: (notice) => bus.emit(notice) },
  );
}

/** What containers are made of, and those who keep them in order. */
function containerServices(ports: EnginePorts, shared: Shared, options: EngineOptions) {
  const { kernel, files, state, clock, random } = ports;
  const { images, bus, paths, snapshotter, hierarchies } = shared;
  const { self, bootId, terminalSize } = options;
  const records = new ContainerRecords(state, clock, random, bus, (record) =>
    endWait(kernel, bootId, record),
  );
  const find = (id: string) => records.find(id);
  const runtimes = whenUsed(() => new Runtimes(kernel, ports.extensions));
  const freezer = whenUsed(() => new Freezer(files, clock, hierarchies, cgroupById(find)));
  const takeDown = whenUsed(() => new TakeDown(kernel, files, clock, freezer, paths, hierarchies));
  const storage = whenUsed(() => new ContainerStorage(files, paths));
  const secrets = whenUsed(() => new SecretStore(files, state, clock, random, paths));
  const { volumes, mounts } = mountServices(
    ...([ports, images, bus, paths, options] as const),
    (name) => looks.get(name),
    secrets,
  );
  const reconciler = new Reconciler(
    ...([kernel, files, clock, records, takeDown, storage, volumes, paths] as const),
    {
      ...{ self, bootId, follow: (id: string) => restarts.follow(id, true) },
      recheck: (record) => health.recheck(record),
      forgetCopy: (t, id) => claims.forgetDead(t, id),
      removeImage: (reference) =>
        removeUnlessNeeded(images, reference, (notice) => bus.emit(notice)),
    },
  );
  const looks: ContainerLooks = containerLooks(
    ...([ports, shared, records, reconciler, runtimes, volumes, storage] as const),
    () => machine.capabilities(),
  );
  const machine = whenUsed(
    () => new Machine(files, hierarchies, () => kernel.facts().userNamespace !== undefined),
  );
  const planner = whenUsed(() =>
    containerPlanner(ports, shared, options, { runtimes, mounts, machine }, (name) =>
      looks.get(name),
    ),
  );
  const { restarts, health } = keepers(
    ports,
    options,
    { records, looks, planner },
    () => containers,
  );
  const claims = whenUsed(() => new CopyClaims(kernel, state, clock, self));
  const { endings, foreground, starting } = startsAndEnds({ ...ports, bus }, images, options, {
    ...{ records, planner, reconciler, storage, freezer, restarts, health, claims },
  });
  const containers: ContainerService = new ContainerService(
    ...([kernel, clock, images, records, planner, reconciler, endings] as const),
    whenUsed(() => new Pausing(files, records, freezer, health)),
    health,
    whenUsed(() => new Limits(kernel, files, machine, hierarchies)),
    looks,
    ...([mounts, storage, starting, foreground] as const),
    {
      ...{ self, terminalSize, machine },
      snapshotter: () => snapshotter.name,
      attach: (record) => attachTo(record, kernel, paths),
      ...filesOpener(
        { kernel, files, codec: ports.codec, core: options.core },
        { claims, looks, planner, storage, paths, sweep: () => takeDown.sweep() },
      ),
    },
  );
  return { containers, volumes, secrets, storage, reconciler, takeDown, records, planner };
}

export function assemble(ports: EnginePorts, options: EngineOptions): Engine {
  const { kernel, files, state, clock } = ports;
  const paths = new StatePaths(options.root);
  for (const path of [paths.rootfs, paths.files]) files.makeDirectory(path);
  const bus = new EventBus();
  const layout = lazyLayout(files);
  const snapshotter = snapshotterOf(ports, options);
  const layers = whenUsed(() => layerStore(ports, paths, options));
  const registry = whenUsed(() => registryClient(ports, options));
  let usedImages: ImageService | undefined;
  const used = (): ImageService => {
    const fromIndex = (...of: [IndexRecord, PullOptions]) => pullOfIndex(shared, ...of);
    usedImages = imageService(
      ...([ports, registry, snapshotter, layers, bus, paths, options, fromIndex] as const),
    );
    return usedImages;
  };
  const images = whenUsed(used, { byId: (ids) => imagesById(state, ids) });
  const hierarchies = usableHierarchies(files, layout);
  const { containers, volumes, secrets, storage, reconciler, takeDown, ...own } = containerServices(
    ports,
    { images, layers, bus, paths, snapshotter, hierarchies },
    options,
  );
  const namespaces = whenUsed(() => namespacesView(ports, containers, paths, options));
  const system = whenUsed(
    () =>
      new SystemService(
        ...([kernel, files, state, images, containers, reconciler, takeDown, paths] as const),
        {
          ...{ version: options.version, backend: options.backend },
          ...{ usernsRemap: options.usernsRemap, snapshotter: snapshotter.name },
          cgroup: () => layout().version,
          cgroupDelegated: () => hierarchies().length > 0,
          prunePins: (wanted) => namespaces.prunePins(wanted),
          pruneImages: (wanted) => sharedImages(...shared).prune(wanted),
          pruneVolumes: (wanted) => volumes.prune(wanted),
          listVolumes: () => volumes.list(),
          check: (wanted) => checkingOf(...shared)(wanted),
        },
      ),
  );
  const platform = platformOf(kernel);
  const parts = { images, layers, containers, storage, bus, paths, platform };
  const builder = { ...own, takeDown, snapshotter, shared: () => sharedImages(...shared) };
  const shared = [images, ports, { registry, layers, bus, paths, platform }, options] as const;
  return {
    images: whenUsed(() => sharedImages(...shared)),
    containers,
    archives: whenUsed(() => archivesView(ports, parts, options)),
    builds: whenUsed(() => buildsView(ports, { ...parts, ...builder }, options)),
    ...{ volumes, secrets },
    artifacts: whenUsed(() => artifactsView(...shared)),
    indexes: whenUsed(() => indexesView(...shared)),
    registries: whenUsed(() =>
      registriesView(ports.credentials, registry, options, servingOf(...shared)),
    ),
    cgroups: whenUsed(() => cgroupsView(ports, containers, layout, options)),
    namespaces,
    system,
    events: bus.events,
    history: (wanted) => new History(state, files, clock, paths).read(wanted),
    async [Symbol.asyncDispose]() {
      containers.release();
      await Promise.all([usedImages?.settled(), reconciler.settled()]);
      bus[Symbol.dispose]();
      state.close();
    },
  };
}
