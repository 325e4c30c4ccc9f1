// The engine as its users see it: the command line, embedders, plugins. Everything below is
// reached from here; how it is put together stands in module.ts.

import type { EventRecord, ImageRecord } from "@nacre/core/state/records.ts";
import type { Observable } from "rxjs";
import type { Archives } from "./archive-interface.ts";
import type { Builds } from "./build-interface.ts";
import type { Containers } from "./container-interface.ts";
import type { Filters } from "./filters.ts";
import type { Indexes } from "./index-interface.ts";
import type { Cgroups, Namespaces } from "./kernel-interface.ts";
import type { Secrets } from "./secret-interface.ts";
import type { Artifacts, ImageSharing, Registries } from "./sharing-interface.ts";
import type { System } from "./system-interface.ts";
import type { Volumes } from "./volume-interface.ts";

// -- events -------------------------------------------------------------------------------------

/** What happens while an operation runs; nobody's result depends on it. */
export type EngineEvent =
  | { readonly type: "record"; readonly event: EventRecord }
  | {
      readonly type: "layer";
      readonly reference: string;
      /** The blob's digest. */
      readonly digest: string;
      readonly phase: "waiting" | "downloading" | "exists" | "complete" | "failed";
      readonly receivedBytes: number;
      readonly totalBytes: number;
    }
  | UploadEvent
  | {
      readonly type: "image";
      readonly reference: string;
      readonly phase: "resolving" | "merging" | "ready";
      readonly digest?: string;
    }
  /** Something a person should know once: "the default network is none until bridges come". */
  | { readonly type: "notice"; readonly message: string };

/** A layer on its way to a registry. */
export interface UploadEvent {
  readonly type: "upload";
  readonly reference: string;
  /** The blob's digest. */
  readonly digest: string;
  readonly phase: "waiting" | "sending" | "exists" | "mounted" | "complete" | "failed";
  /** The repository that it was taken from. */
  readonly from?: string;
  readonly sentBytes: number;
  readonly totalBytes: number;
}

// -- images -------------------------------------------------------------------------------------

export interface PullOptions {
  readonly platform?: string;
  /** All platforms that the name stands for, and what else its index names: signatures, attestations. */
  readonly allPlatforms?: boolean;
  /** Plain HTTP for registries that are not on loopback. */
  readonly insecure?: boolean;
  readonly signal?: AbortSignal;
}

export interface PulledImage {
  readonly image: ImageRecord;
  /** Normalised reference. */
  readonly reference: string;
  /** What the registry's manifest or index hashes to: what skopeo and docker print. */
  readonly digest: string;
  /** Whether anything was new on this machine. */
  readonly changed: boolean;
}

export interface ListImagesOptions {
  /** `before`, `dangling`, `label`, `label!`, `reference`, `since`. */
  readonly filters?: Filters;
  /** Only what was made before. */
  readonly untilMs?: number;
}

export interface RemoveImageOptions {
  /** Also with stopped containers, or several names. */
  readonly force?: boolean;
  /** Of images for several platforms under one name only this one's. */
  readonly platform?: string;
}

/** One line of `nacre images`. */
export interface ImageListing {
  readonly image: ImageRecord;
  /** Normalised references that name it; empty for a dangling image. */
  readonly references: readonly { readonly reference: string; readonly digest: string }[];
}

/** One layer of an image as `nacre image layers` shows it. */
export interface LayerReport {
  readonly diffId: string;
  readonly digest: string;
  readonly createdBy: string;
  readonly tarBytes: number;
  /** Bytes of this layer's files that are visible in the merged root. */
  readonly visibleBytes: number;
  readonly entries: number;
}

/** Which layer gives a path, and what it hides below. Layer numbers count from 1, the bottom. */
export interface PathReport {
  readonly path: string;
  readonly type: string;
  readonly mode: number;
  readonly sizeBytes: number;
  readonly layer: number;
  readonly hides: readonly {
    readonly layer: number;
    readonly type: string;
    readonly sizeBytes: number;
  }[];
}

export interface Images extends ImageSharing {
  /** Fetches an image and makes it ready to run. Idempotent; parallel pulls of one image share its blobs. */
  pull(reference: string, options?: PullOptions): Promise<PulledImage>;
  /** NacreError `invalid` for a filter that there is not. */
  list(options?: ListImagesOptions): ImageListing[];
  /** By reference, ID, ID prefix or digest; the one for a platform, where a name has several. NacreError `not-found`. */
  get(reference: string, platform?: string): ImageListing;
  /** From the bottom up, and how much of the image lies hidden below upper layers. NacreError `not-found`. */
  layers(
    reference: string,
    platform?: string,
  ): Promise<{ readonly layers: LayerReport[]; readonly wastedBytes: number }>;
  /** Links on the way lead on inside of the image, one at the end is told of itself. NacreError `not-found`, also for a path that no layer has. */
  path(reference: string, path: string): Promise<PathReport>;
  /** Gives an image, or an artifact, one more name; one that another image has goes over to it. Returns the name, normalised. NacreError `not-found`, `invalid`. */
  tag(reference: string, name: string): string;
  /** Untags, and deletes images with their last tag. NacreError `in-use` while a container needs one, unless forced. */
  remove(
    reference: string,
    options?: RemoveImageOptions,
  ): Promise<{ untagged: string[]; deleted: string[] }>;
}

// -- images that go to others: sharing-interface.ts -----------------------------------------------

export type {
  ArtifactFile,
  ArtifactListing,
  ArtifactOptions,
  Artifacts,
  ExploredImage,
  ExploredLayer,
  ImagePruneOptions,
  ImagePruneReport,
  ImageSharing,
  LayerChange,
  LoadedImage,
  LoadOptions,
  LoggedIn,
  LoginRequest,
  PushedImage,
  PushOptions,
  ReferrerListing,
  Registries,
  RegistryReach,
  SaveOptions,
  SearchOptions,
  SearchResult,
  ServeOptions,
} from "./sharing-interface.ts";

// -- indexes: index-interface.ts -------------------------------------------------------------------

export type {
  AddToIndexOptions,
  CreateIndexOptions,
  IndexChange,
  IndexEntry,
  Indexes,
  IndexRecord,
  InspectedManifest,
  PushIndexOptions,
} from "./index-interface.ts";

// -- containers: container-interface.ts ----------------------------------------------------------

export type {
  Attached,
  Attachment,
  BootReport,
  ContainerChange,
  ContainerPruneOptions,
  ContainerPruneReport,
  ContainerSize,
  Containers,
  ContainerUsage,
  ExecRequest,
  ListOptions,
  LogDetails,
  LogOptions,
  ProcessListing,
  RemoveOptions,
  StartOptions,
  StatsOptions,
  StopOptions,
  WaitCondition,
} from "./container-interface.ts";

// -- files of containers: copy-interface.ts -------------------------------------------------------

export type { ContainerFiles, CopiedEntry, PathStatus, WriteOptions } from "./copy-interface.ts";

// -- roots of containers: archive-interface.ts ---------------------------------------------------

export type {
  Archives,
  Change,
  CommitOptions,
  ImportOptions,
  NewImageOptions,
} from "./archive-interface.ts";

// -- builds: build-interface.ts ------------------------------------------------------------------

export type {
  BuildCacheEntry,
  BuildContext,
  BuildEvent,
  BuildOptions,
  BuildSecret,
  Builds,
  BuiltImage,
  CachePlace,
  CachePruneOptions,
  DockerfileSurvey,
  FailedStep,
  Finding,
  StepLimits,
} from "./build-interface.ts";

// -- volumes: volume-interface.ts ----------------------------------------------------------------

export type {
  VolumeFilters,
  VolumeListing,
  VolumeRequestOptions,
  Volumes,
} from "./volume-interface.ts";

// -- what the kernel has: kernel-interface.ts ----------------------------------------------------

export type {
  Cgroups,
  CgroupTreeReport,
  ContainerName,
  CssSetReport,
  JoinedCommand,
  NamespaceCommand,
  NamespaceReport,
  Namespaces,
  ProcessReport,
} from "./kernel-interface.ts";

// -- secrets: secret-interface.ts ----------------------------------------------------------------

export type { NewSecretOptions, SecretFilters, Secrets } from "./secret-interface.ts";

// -- system: system-interface.ts -------------------------------------------------------------------

export type {
  CheckOptions,
  CheckReport,
  DiskUsage,
  ImageUsage,
  PruneOptions,
  PruneReport,
  StoreProblem,
  System,
  SystemInfo,
} from "./system-interface.ts";

export interface Engine extends AsyncDisposable {
  readonly images: Images;
  readonly containers: Containers;
  readonly archives: Archives;
  readonly builds: Builds;
  readonly volumes: Volumes;
  readonly secrets: Secrets;
  readonly registries: Registries;
  readonly artifacts: Artifacts;
  readonly indexes: Indexes;
  readonly cgroups: Cgroups;
  readonly namespaces: Namespaces;
  readonly system: System;
  /** Live events of this engine. */
  readonly events: Observable<EngineEvent>;
  /** Recorded events of every process on this root, oldest first; with `follow`, then new ones. */
  history(options?: {
    readonly sinceMs?: number;
    readonly untilMs?: number;
    readonly follow?: boolean;
    /** NacreError `invalid` for a key that there is not. */
    readonly filters?: Filters;
    readonly signal?: AbortSignal;
  }): AsyncIterable<EventRecord>;
}
