// Images that go to others and come from them. Few commands do that: what these need is loaded when
// it is called for, and is a bundle of its own (scripts/steps/bundles.ts).

import type { Platform } from "@nacre/core/oci/image.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Codec } from "@nacre/core/ports/codec.ts";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";
import type { CredentialStore } from "@nacre/core/ports/credential-store.ts";
import type { Extensions } from "@nacre/core/ports/extensions.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { Random } from "@nacre/core/ports/random.ts";
import type { Snapshotter } from "@nacre/core/ports/snapshotter.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { IndexRecord } from "@nacre/core/state/records.ts";
import type { Images, PulledImage, PullOptions, System } from "../engine.ts";
import type { EventBus } from "../event-bus.ts";
import type { ImageService } from "../images/images.ts";
import type { LayerStore } from "../images/layer-store.ts";
import type { StatePaths } from "../images/paths.ts";
import type { Indexes } from "../index-interface.ts";
import type { EngineOptions } from "../options.ts";
import type { Registry } from "../registry/registry.ts";
import type { Artifacts, Registries } from "../sharing-interface.ts";
import { unpackedBytes, unpackedLayers } from "../snapshotters/directory-usage.ts";

export interface SharingPorts {
  readonly files: Files;
  readonly content: ContentStore;
  readonly state: StateStore;
  readonly codec: Codec;
  readonly random: Random;
  readonly clock: Clock;
}

/** The engine's other parts, as far as sharing needs them. */
export interface SharingParts {
  readonly registry: Registry;
  readonly layers: LayerStore;
  readonly bus: EventBus;
  readonly paths: StatePaths;
  /** This machine's. */
  readonly platform: Platform;
}

/** The part of it that speaks to registries without an image. */
export function registriesView(
  credentials: CredentialStore,
  registry: Registry,
  { core }: Pick<EngineOptions, "core">,
  serve: Registries["serve"],
): Registries {
  const desk = async () => {
    const { RegistryDesk } = await import("./registries.ts");
    return new RegistryDesk(core, registry, credentials);
  };
  return {
    login: async (...of) => (await desk()).login(...of),
    logout: async (server) => (await desk()).logout(server),
    logins: () => credentials.list?.() ?? [],
    search: async (...of) => (await desk()).search(...of),
    tags: async (...of) => (await desk()).tags(...of),
    serve,
  };
}

type Options = Pick<EngineOptions, "core" | "bootId">;

async function sharingOf(
  images: ImageService,
  ports: SharingPorts,
  parts: SharingParts,
  options: Options,
) {
  const { Sharing } = await import("./sharing.ts");
  return new Sharing(images, ports, parts, options);
}

export function artifactsView(
  images: ImageService,
  ports: SharingPorts,
  parts: SharingParts,
  options: Options,
): Artifacts {
  const artifacts = async () => (await sharingOf(images, ports, parts, options)).artifacts();
  return {
    add: async (...of) => (await artifacts()).add(...of),
    push: async (...of) => (await artifacts()).push(...of),
    pull: async (...of) => (await artifacts()).pull(...of),
    list: async () => (await artifacts()).list(),
    get: async (name) => (await artifacts()).get(name),
    async *read(name, file) {
      yield* (await artifacts()).read(name, file);
    },
    remove: async (name) => (await artifacts()).remove(name),
    referrers: async (...of) => (await artifacts()).referrers(...of),
  };
}

export function indexesView(
  images: ImageService,
  ports: SharingPorts,
  parts: SharingParts,
  options: Options,
): Indexes {
  const indexes = async () => (await sharingOf(images, ports, parts, options)).indexes();
  return {
    create: async (...of) => (await indexes()).create(...of),
    add: async (...of) => (await indexes()).add(...of),
    annotate: async (...of) => (await indexes()).annotate(...of),
    takeOut: async (...of) => (await indexes()).takeOut(...of),
    list: async () => (await indexes()).list(),
    get: async (name) => (await indexes()).get(name),
    inspect: async (...of) => (await indexes()).inspect(...of),
    push: async (...of) => (await indexes()).push(...of),
    remove: async (name) => (await indexes()).remove(name),
  };
}

/** Images that an index of this machine names, for whoever pulls or runs it. */
export async function pullOfIndex(
  [images, ports, parts, options]: readonly [ImageService, SharingPorts, SharingParts, Options],
  index: IndexRecord,
  wanted: PullOptions,
): Promise<PulledImage> {
  return (await sharingOf(images, ports, parts, options)).indexes().pull(index, wanted);
}

/** `nacre registry serve`: by a plugin, over the image store. */
export function servingOf(
  images: ImageService,
  ports: SharingPorts & { readonly extensions: Extensions | undefined },
  parts: SharingParts,
  options: Options,
): Registries["serve"] {
  return async (wanted = {}) => {
    const { serveImages } = await import("./serve.ts");
    const sharing = await sharingOf(images, ports, parts, options);
    return serveImages(images, ports.extensions, sharing, wanted);
  };
}

/** `nacre system check`. */
export function checkingOf(
  images: ImageService,
  ports: SharingPorts & Pick<CheckPorts, "kernel" | "snapshotters">,
  parts: SharingParts,
  options: Options,
): System["check"] {
  return async ({ digests = true, repair = false } = {}) => {
    const { StoreCheck } = await import("../store-check.ts");
    const { files, state, content, codec, kernel, snapshotters } = ports;
    const { bootId } = options;
    const check = () =>
      new StoreCheck(
        ...([files, state, content, codec, kernel, snapshotters, parts.paths] as const),
        { bootId, digests },
      ).run();
    const found = await check();
    if (!repair || found.length === 0) return { found, left: found };
    const sharing = await sharingOf(images, ports, parts, options);
    await sharing.repair(snapshotters).run(digests);
    return { found, left: await check() };
  };
}

interface CheckPorts {
  readonly kernel: Pick<Kernel, "alive">;
  readonly snapshotters: readonly Snapshotter[];
}

export function sharedImages(
  images: ImageService,
  ports: SharingPorts,
  parts: SharingParts,
  options: Options,
): Images {
  const sharing = () => sharingOf(images, ports, parts, options);
  return {
    pull: async (reference, wanted = {}) =>
      wanted.allPlatforms
        ? (await sharing()).platforms().pull(reference, wanted)
        : images.pull(reference, wanted),
    list: (options) => images.list(options),
    get: (...of) => images.get(...of),
    layers: (...of) => images.layers(...of),
    path: (...of) => images.path(...of),
    tag: (...of) => images.tag(...of),
    remove: (...of) => images.remove(...of),
    push: async (reference, wanted = {}) => (await sharing()).pusher().push(reference, wanted),
    async *save(references, wanted = {}) {
      yield* (await sharing()).saver().save(references, wanted);
    },
    load: async (source, wanted = {}) => (await sharing()).loader().load(source, wanted),
    explore: async (reference) => {
      const { exploreImage } = await import("./explore.ts");
      return exploreImage(images, reference);
    },
    prune: async (wanted = {}) => {
      const { pruneImages } = await import("./image-prune.ts");
      const unpacked = () => unpackedBytes(unpackedLayers(ports.files, parts.paths));
      return pruneImages(images, { ...ports, bus: parts.bus }, unpacked, wanted);
    },
  };
}
