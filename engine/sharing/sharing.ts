// What sharing is made of, put together: constructors called in order, nothing decided.

import type { Snapshotter } from "@nacre/core/ports/snapshotter.ts";
import { ImageRecorder } from "../images/image-recorder.ts";
import type { ImageService } from "../images/images.ts";
import type { EngineOptions } from "../options.ts";
import { ImageMaker } from "../roots/new-image.ts";
import { ArtifactService } from "./artifacts.ts";
import { Bundles } from "./bundles.ts";
import { CompressedLayers } from "./compressed-layers.ts";
import { IndexPusher } from "./index-push.ts";
import { IndexSources } from "./index-sources.ts";
import { IndexService } from "./indexes.ts";
import { LayerIntake } from "./layer-intake.ts";
import { Loader } from "./load.ts";
import { ManifestKeeper } from "./manifest-keeper.ts";
import { PlatformPuller } from "./pull-all.ts";
import { Pusher } from "./push.ts";
import { StoredRepositories } from "./repositories.ts";
import { Saver } from "./save.ts";
import { StoreRepair } from "./store-repair.ts";
import { StoredBlobs } from "./stored-blobs.ts";
import { StoredImages } from "./stored-images.ts";
import { StoredUploads } from "./stored-uploads.ts";
import type { SharingParts, SharingPorts } from "./view.ts";

export class Sharing {
  readonly #images: ImageService;
  readonly #ports: SharingPorts;
  readonly #parts: SharingParts;
  readonly #options: Pick<EngineOptions, "core" | "bootId">;
  readonly #blobs: StoredBlobs;
  readonly #bundles: Bundles;
  readonly #compressed: CompressedLayers;

  constructor(
    images: ImageService,
    ports: SharingPorts,
    parts: SharingParts,
    options: Pick<EngineOptions, "core" | "bootId">,
  ) {
    this.#images = images;
    this.#ports = ports;
    this.#parts = parts;
    this.#options = options;
    const { files, content, state, codec, random } = ports;
    const { paths } = parts;
    const { core, bootId } = options;
    this.#blobs = new StoredBlobs(files, content, codec);
    this.#compressed = new CompressedLayers(files, codec, random, this.#blobs, paths);
    this.#bundles = new Bundles(
      ...([core, content, state, codec, this.#blobs, this.#compressed, bootId] as const),
    );
  }

  saver(): Saver {
    return new Saver(this.#images, this.#bundles, { ...this.#ports, bus: this.#parts.bus });
  }

  /** The store as repositories, and the uploads that go on in it. */
  repositories(): { readonly store: StoredRepositories; readonly uploads: StoredUploads } {
    const { files, content, state, codec, random } = this.#ports;
    const { paths, platform } = this.#parts;
    const { core, bootId } = this.#options;
    const uploads = new StoredUploads(
      ...([files, content, state, codec, random, paths, bootId] as const),
    );
    const made = this.#made();
    const store = new StoredRepositories(
      ...([core, content, state, this.#images, this.keeper(), made, uploads, platform] as const),
    );
    return { store, uploads };
  }

  #made(): StoredImages {
    const { content, state, clock } = this.#ports;
    const { core } = this.#options;
    return new StoredImages(core, content, state, clock, this.#parts.layers, this.#recorder());
  }

  /** Indexes that are made here. */
  indexes(): IndexService {
    const { content, state, clock } = this.#ports;
    const { bus, registry, platform } = this.#parts;
    const { core } = this.#options;
    const keeper = this.keeper();
    const bundles = this.#bundles;
    const sources = new IndexSources(
      ...([core, content, state, registry, keeper, bundles, platform] as const),
    );
    const pusher = new IndexPusher(core, bus, registry, bundles, this.#blobs);
    return new IndexService(
      ...([core, state, clock, this.#images, keeper, this.#blobs, this.#made()] as const),
      ...([sources, pusher, platform] as const),
    );
  }

  artifacts(): ArtifactService {
    const { content, state, clock } = this.#ports;
    const { core } = this.#options;
    const keeper = this.keeper();
    return new ArtifactService(
      ...([core, content, state, clock, this.#parts.registry, this.#images, keeper] as const),
      ...([this.#blobs, this.#bundles] as const),
    );
  }

  repair(snapshotters: readonly Snapshotter[]): StoreRepair {
    const { files, content, state, codec } = this.#ports;
    const { layers, paths } = this.#parts;
    const ports = { files, content, state, codec, snapshotters };
    return new StoreRepair(ports, this.#images, layers, this.#compressed, paths);
  }

  keeper(): ManifestKeeper {
    const { content, state, codec, clock } = this.#ports;
    const { core, bootId } = this.#options;
    return new ManifestKeeper(core, content, state, codec, () => clock.nowMs(), bootId);
  }

  #recorder(): ImageRecorder {
    const { files, content, state, clock } = this.#ports;
    const { bus, layers } = this.#parts;
    const { core, bootId } = this.#options;
    return new ImageRecorder(
      ...([core, files, content, state, clock, bus, this.#images, layers, bootId] as const),
    );
  }

  loader(): Loader {
    const { files, content, state, codec, random } = this.#ports;
    const { bus, layers, paths, platform } = this.#parts;
    const { core, bootId } = this.#options;
    const intake = new LayerIntake(
      ...([core, files, state, codec, random, layers, paths, bootId] as const),
    );
    const recorder = this.#recorder();
    const maker = new ImageMaker(() => core().fork(), recorder);
    const ports = { codec, content, keeper: this.keeper(), state, bus };
    return new Loader(core, ports, this.#images, intake, recorder, maker, platform);
  }

  /** Pulls of all platforms. */
  platforms(): PlatformPuller {
    const { core } = this.#options;
    const { registry } = this.#parts;
    return new PlatformPuller(core, this.#ports.content, registry, this.#images, this.keeper());
  }

  pusher(): Pusher {
    const { state, clock } = this.#ports;
    const { bus, registry } = this.#parts;
    const { core } = this.#options;
    return new Pusher(
      ...([core, state, clock, bus, registry, this.#images, this.#blobs, this.#bundles] as const),
    );
  }
}
