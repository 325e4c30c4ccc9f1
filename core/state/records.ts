// What the StateStore keeps: one record shape a kind. Records are JSON; a change of shape is a
// new schema version with a migration (backends/linux/schema.ts).

import type { Descriptor, ImageConfig } from "../oci/image.ts";
import type { HealthState } from "../program/health-check.ts";
import type { NamespaceKind } from "../program/operation.ts";
import type { ContainerMount, ContainerRequest, SecretRequest } from "../program/request.ts";
import type { UserMaps } from "../user-namespace/id-map.ts";

/** An image by its ID, the digest of its config. */
export interface ImageRecord {
  readonly id: string;
  readonly manifestDigest: string;
  readonly manifestMediaType: string;
  readonly config: ImageConfig;
  readonly layers: readonly Descriptor[];
  /** Chain IDs, one a layer; the last one names the merged root. */
  readonly chainIds: readonly string[];
  /** Sum of the layers' uncompressed tars, in bytes. */
  readonly sizeBytes: number;
  readonly pulledMs: number;
  /** /etc/passwd and /etc/group of the merged root, empty if absent: users are looked up at every start. */
  readonly passwd: string;
  readonly group: string;
  /** Its layers came uncompressed and without a manifest, of which one was made here: a push compresses them. */
  readonly bare?: boolean;
}

/** A reference (`docker.io/library/debian:12`) and what it names on this machine. */
export interface TagRecord {
  readonly reference: string;
  readonly imageId: string;
  /** The digest that a registry answered for the reference: an index's or a manifest's. */
  readonly digest: string;
  readonly updatedMs: number;
  /** IDs of images for other platforms that the same index names and that are here, too. */
  readonly others?: readonly string[];
}

/** A stored blob by digest: compressed layer, manifest, index or config. */
export interface BlobRecord {
  readonly digest: string;
  readonly sizeBytes: number;
  readonly mediaType: string;
  /** False until the file was flushed to disk; such a blob is verified again after a reboot. */
  readonly durable: boolean;
  /** The boot of the machine in which it was written or last verified. */
  readonly bootId: string;
}

/**
 * A manifest or index and what it names, where no image record says it: of other platforms, of
 * artifacts, of signatures. It is needed while a tag or an artifact leads to it, or its subject is.
 */
export interface ManifestRecord {
  readonly digest: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** Digests of its config, its layers, and whatever else it names that names nothing itself. */
  readonly blobs: readonly string[];
  /** Digests of manifests that it names. */
  readonly manifests: readonly string[];
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** The digest of what it is about. */
  readonly subject?: string;
  readonly storedMs: number;
}

/** A name for a manifest that is no image of this machine. */
export interface ArtifactRecord {
  readonly reference: string;
  readonly digest: string;
  readonly updatedMs: number;
}

/** One of what an index names: an image for a platform, or anything else that has a manifest. */
export interface IndexEntry extends Descriptor {
  /** The repository that it is fetched from, normalised and without a tag; absent where it is here. */
  readonly source?: string;
}

/**
 * An index that is made here (`nacre manifest create`), under its normalised name. Its document is
 * a blob, and a manifest record keeps what it names that is here. While images that it names are
 * here a tag of its name leads to them.
 */
export interface IndexRecord {
  readonly reference: string;
  /** Of its document as it is now. */
  readonly digest: string;
  readonly mediaType: string;
  readonly entries: readonly IndexEntry[];
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly subject?: Descriptor;
  readonly updatedMs: number;
}

/** A large blob that is on its way to a registry: where a later push may go on with it. */
export interface UploadRecord {
  /** `DOMAIN/PATH@DIGEST`. */
  readonly key: string;
  /** The URL that the registry gave it. */
  readonly location: string;
  /** Of the push that sends it; one that is gone has left it. */
  readonly intent: string;
  readonly updatedMs: number;
}

/** A layer's uncompressed tar by diff ID, shared by every image that has it. */
export interface LayerRecord {
  readonly diffId: string;
  /** The blob it came from. */
  readonly digest: string;
  readonly tarBytes: number;
  /** As in BlobRecord, for both its files. */
  readonly durable: boolean;
  readonly bootId: string;
}

/** What a snapshotter has made ready for a chain ID. */
export interface SnapshotRecord {
  /** `snapshotter/chain ID`. */
  readonly key: string;
  readonly snapshotter: string;
  readonly chainId: string;
  readonly diffIds: readonly string[];
  readonly sizeBytes: number;
  /** As in BlobRecord; one that cannot be trusted is made anew from its layers. */
  readonly durable: boolean;
  readonly bootId: string;
}

export type ContainerStatus =
  | "created"
  | "starting"
  | "running"
  | "paused"
  /** It has ended, and its policy starts it again when a wait is over. */
  | "restarting"
  | "exited"
  | "removing"
  /** Its removal has failed; `error` says why. Whoever looks next tries again. */
  | "dead";

export interface ContainerRecord {
  readonly id: string;
  readonly name: string;
  readonly request: ContainerRequest;
  /** All that is mounted in it beside what every container has: what was asked for, what came from other containers, and the image's volumes. */
  readonly mounts: readonly ContainerMount[];
  /** Its secrets, in the order of their copies. */
  readonly secrets?: readonly ContainerSecret[];
  /** Absent for the `host` image. */
  readonly imageId: string | undefined;
  readonly snapshotter: string;
  readonly createdMs: number;
  readonly status: ContainerStatus;
  /** Which users it has, where they are not the machine's; given back with the record. */
  readonly users?: UserMaps;
  /** The first process and its supervisor, while running. Start times as decimal strings. */
  readonly process?: { readonly pid: number; readonly startTime: string };
  readonly supervisor?: { readonly pid: number; readonly startTime: string };
  /** The process of Nacre that is at work on it: starts it, waits for it in the foreground, removes it. While it lives nobody else puts the container to rest. */
  readonly holder?: { readonly pid: number; readonly startTime: string };
  /** Processes of Nacre that restart it: while one of them lives it outlives its end, though it has `--rm`. */
  readonly keepers?: readonly { readonly pid: number; readonly startTime: string }[];
  /** The boot of the machine in which these processes run. */
  readonly bootId?: string;
  readonly startedMs?: number;
  readonly finishedMs?: number;
  readonly exitCode?: number;
  readonly oomKilled?: boolean;
  readonly error?: string;
  /** What its health check has found since it started; absent without one. */
  readonly health?: HealthState & {
    /** A process that sleeps until the next check, and its supervisor; absent while it is checked. */
    readonly waiter?: Required<Pick<ContainerRecord, "process" | "supervisor">> & {
      /** When somebody else must have come to be here: if nobody has, it was killed. Milliseconds since the epoch. */
      readonly overdueMs?: number;
    };
  };
  /** How often its policy has started it since somebody did. */
  readonly restarts?: number;
  /** The wait before the last of these. */
  readonly restartDelayMs?: number;
  /** Somebody wanted it to end: its policy lets it rest. */
  readonly stopped?: boolean;
  /** A step of a build: listed nowhere, and gone with it. */
  readonly build?: true;
  /** Of one that is being removed: its volumes without a name of the user's go too. */
  readonly removesVolumes?: boolean;
}

/**
 * A volume by its name. Its record is written before anything of it is made, and is the last of it
 * that goes.
 */
export interface VolumeRecord {
  readonly name: string;
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Made for a container that asked for none by name; goes with it. */
  readonly anonymous: boolean;
  readonly createdMs: number;
  /** The process that removes it; if that is gone, whoever comes next goes on. */
  readonly removal?: {
    readonly pid: number;
    readonly startTime: string;
    readonly bootId: string;
  };
}

/** A secret by its name. What it says stands in a file of its ID, and in no record. */
export interface SecretRecord {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly sizeBytes: number;
  readonly createdMs: number;
}

/** What a container has of a secret: a copy of its own, from when it was made. */
export interface ContainerSecret extends Required<Omit<SecretRequest, "source">> {
  readonly id: string;
  readonly name: string;
  readonly sizeBytes: number;
}

/** A multi-step operation that was begun; whoever comes next finishes or undoes it if its process is gone. */
export interface IntentRecord {
  readonly id: string;
  readonly kind: "create" | "remove" | "pull" | "copy";
  /** What it is about: a container ID or a reference. */
  readonly subject: string;
  readonly process: { readonly pid: number; readonly startTime: string };
  readonly begunMs: number;
  /** Paths that are to be removed if it is undone. */
  readonly paths: readonly string[];
}

/** Namespaces that are kept alive by a name (core/program/pin.ts). */
export interface PinRecord {
  readonly name: string;
  /** Inode numbers in nsfs. */
  readonly namespaces: readonly { readonly kind: NamespaceKind; readonly id: number }[];
  /** The process whose they were. */
  readonly of: {
    readonly pid: number;
    readonly command: string;
    readonly container?: { readonly id: string; readonly name: string };
  };
  /** They end with this boot of the machine. */
  readonly bootId: string;
  readonly createdMs: number;
}

/** What a step of a build came to, by what it was made from (engine/build/step-keys.ts). */
export interface StepRecord {
  readonly key: string;
  /** As its Dockerfile had it. */
  readonly description: string;
  readonly diffId: string;
  /** When it was made: its layer's date in every image. */
  readonly createdMs: number;
  readonly usedMs: number;
  readonly uses: number;
}

/** How much the layers of all steps have, at most: what goes is not taken off until all are counted again. */
export interface CacheSizeRecord {
  readonly bytes: number;
}

/** A directory that steps of builds share (`RUN --mount=type=cache`), by its name below the state root. */
export interface CacheMountRecord {
  readonly name: string;
  /** As Dockerfiles name it. */
  readonly id: string;
  readonly createdMs: number;
  readonly usedMs: number;
  /** The process that has it for itself. */
  readonly holder?: {
    readonly pid: number;
    readonly startTime: string;
    readonly bootId: string;
  };
}

/** An event as docker prints it. */
export interface EventRecord {
  readonly sequence: number;
  readonly timeMs: number;
  readonly type: "container" | "image" | "volume";
  readonly action: string;
  /** Container or image ID, reference, or a volume's name. */
  readonly subject: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Records {
  readonly image: ImageRecord;
  readonly tag: TagRecord;
  readonly blob: BlobRecord;
  readonly manifest: ManifestRecord;
  readonly artifact: ArtifactRecord;
  readonly index: IndexRecord;
  readonly upload: UploadRecord;
  readonly layer: LayerRecord;
  readonly snapshot: SnapshotRecord;
  readonly container: ContainerRecord;
  /** Container name → container ID. */
  readonly name: { readonly containerId: string };
  readonly intent: IntentRecord;
  readonly pin: PinRecord;
  readonly volume: VolumeRecord;
  readonly secret: SecretRecord;
  readonly step: StepRecord;
  readonly cacheMount: CacheMountRecord;
  /** One, by the name `steps`. */
  readonly cacheSize: CacheSizeRecord;
}

export type RecordKind = keyof Records;

/** Kinds whose records are of files, which are flushed some time after they were written. */
export type FiledKind = "blob" | "layer" | "snapshot";
