// Builds: what a caller asks for, what it is told meanwhile, and what comes out.

import type { Finding } from "@nacre/core/dockerfile/checks.ts";
import type { ProcessStreams } from "@nacre/core/ports/kernel.ts";
import type { ContainerRequest } from "@nacre/core/program/request.ts";
import type { CopiedEntry } from "./copy-interface.ts";

export type { Finding };

/** Files that a build may copy from. */
export type BuildContext =
  /** A directory of this machine, absolute. Its `.dockerignore` holds. */
  | { readonly directory: string }
  /** A tar, compressed or not; `ofDirectory`: one of a directory, whose `.dockerignore` holds. */
  | { readonly tar: AsyncIterable<Uint8Array>; readonly ofDirectory?: boolean }
  /** Files by their paths. */
  | { readonly files: Readonly<Record<string, string | Uint8Array>> }
  /** A git repository that this machine's git can reach: `https://host/repo.git#ref:subdirectory`. */
  | { readonly git: string }
  /** An HTTP address of a tar, or of a Dockerfile alone. */
  | { readonly address: string };

export type BuildEvent =
  | {
      readonly type: "step";
      /** From 1, in the order in which they began. */
      readonly number: number;
      /** `[build 2/4] RUN make`. */
      readonly name: string;
      readonly state: "started" | "cached" | "done" | "failed" | "canceled";
      /** Since it began. */
      readonly tookMs: number;
    }
  | {
      readonly type: "output";
      readonly number: number;
      readonly stream: 1 | 2;
      readonly bytes: Uint8Array;
    }
  | { readonly type: "warning"; readonly message: string };

export interface BuildSecret {
  readonly id: string;
  /** A file of this machine, or the secret itself. */
  readonly file?: string;
  readonly value?: string;
}

/** Where cached steps come from and go to, beside this machine's own cache. */
export type CachePlace =
  | ({ readonly type: "local"; readonly directory: string } & CacheExport)
  /** An image of layers of steps; to take from, one that is here will do as well. */
  | ({ readonly type: "registry"; readonly reference: string } & CacheExport)
  /** In the image itself. */
  | { readonly type: "inline" };

interface CacheExport {
  /** Of a place that they go to: all steps of a build, and not only those that the image has layers of. */
  readonly all?: boolean;
  /** A build that cannot give them there has not failed. */
  readonly ignoreError?: boolean;
}

/** What every RUN is held to, as a container is. None of it makes a step another one. */
export type StepLimits = Partial<
  Pick<
    ContainerRequest,
    | "resources"
    | "limits"
    | "cgroupParent"
    | "noNewPrivileges"
    | "seccomp"
    | "apparmor"
    | "securityLabel"
    | "systemPaths"
  >
>;

export interface BuildOptions {
  readonly context?: BuildContext;
  /** Further contexts by name, for FROM and `--from`. */
  readonly contexts?: Readonly<Record<string, BuildContext | { readonly image: string }>>;
  /** Its path within the context; `Dockerfile` if absent. */
  readonly dockerfile?: string;
  /** The Dockerfile itself, with what it is called in messages. */
  readonly dockerfileText?: { readonly name: string; readonly text: string };
  /** A stage by name or number; the last one if absent. */
  readonly target?: string;
  readonly tags?: readonly string[];
  readonly buildArgs?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  /** `os/arch[/variant]`; this machine's, if absent. */
  readonly platform?: string;
  /** Nothing is taken from the cache. */
  readonly noCache?: boolean;
  /** Of these stages nothing is. */
  readonly noCacheStages?: readonly string[];
  /** Asks the registry for base images even if they are here. */
  readonly pull?: boolean;
  /** Of RUN where it says nothing: `host` or `none`. */
  readonly network?: string;
  readonly extraHosts?: readonly string[];
  readonly shmBytes?: number;
  readonly limits?: StepLimits;
  /** What steps may ask for: `RUN --security=insecure` has every capability and device. */
  readonly allow?: readonly "security.insecure"[];
  /** Of the image's manifest. */
  readonly annotations?: Readonly<Record<string, string>>;
  readonly secrets?: readonly BuildSecret[];
  /** Sockets of ssh agents by ID. */
  readonly ssh?: Readonly<Record<string, string>>;
  /** Seconds since 1970: the newest time that anything in the image has. */
  readonly sourceDateEpoch?: number;
  readonly cacheFrom?: readonly CachePlace[];
  readonly cacheTo?: readonly CachePlace[];
  /** The image is not recorded: only its files are wanted. */
  readonly filesOnly?: boolean;
  /** The image is for archives: it gets no name here, and goes when it is discarded. */
  readonly archiveOnly?: boolean;
  readonly onEvent?: (event: BuildEvent) => void;
  /** Called when a RUN has failed, before anything of it goes: a shell in it on these streams. */
  readonly onFailure?: (shell: FailedStep) => Promise<void>;
  readonly signal?: AbortSignal;
}

export interface FailedStep {
  readonly name: string;
  readonly exitCode: number;
  /** Runs the stage's shell where the step failed, on a terminal; resolves when it has ended. */
  shell(streams: ProcessStreams): Promise<number>;
}

export interface BuiltImage {
  /** The digest of its config. */
  readonly id: string;
  readonly manifestDigest: string;
  /** Normalised names that it has now, or is to have in an archive. */
  readonly references: readonly string[];
  /** Removes an image that was made for archives, if it was not here before. */
  readonly discard: () => Promise<void>;
  /** The root of the target as a tar, made as it is read. */
  readonly files: () => AsyncIterable<Uint8Array>;
  /** The same, one by one. */
  readonly entries: () => AsyncIterable<CopiedEntry>;
}

/** What a Dockerfile says, before anything is built. */
export interface DockerfileSurvey {
  readonly source: { readonly name: string; readonly text: string };
  /** What is probably a mistake; `# check=` decides what of it is left out. */
  readonly findings: readonly Finding[];
  /** Whether a build would be refused for them. */
  readonly isRefused: boolean;
  readonly stages: readonly {
    readonly name: string;
    /** From the comment above its FROM that begins with its name. */
    readonly description: string;
    readonly isTarget: boolean;
  }[];
  /** ARGs of the target, of what it needs, and of before the first FROM. */
  readonly args: readonly { readonly name: string; readonly value?: string }[];
  /** Whether secrets and agents are needed, by their IDs. */
  readonly secrets: readonly { readonly id: string; readonly required: boolean }[];
}

/** What of the build cache is on the disk. */
export interface BuildCacheEntry {
  readonly key: string;
  readonly type: "step" | "cache mount";
  readonly description: string;
  readonly sizeBytes: number;
  readonly createdMs: number;
  readonly usedMs: number;
  readonly uses: number;
  /** An image needs its layer, too: removing it frees nothing. */
  readonly shared: boolean;
}

export interface CachePruneOptions {
  /** Also what images need, and cache mounts. */
  readonly all?: boolean;
  /** Only what was not used for so long. */
  readonly unusedMs?: number;
  /** As much as this may stay: what was used last. */
  readonly keepBytes?: number;
  /** Only what it is true of. */
  readonly where?: (entry: BuildCacheEntry) => boolean;
}

export interface Builds {
  /**
   * Builds a stage of a Dockerfile and names the image. Steps whose inputs have the same contents
   * as before are taken from the cache. What was done before a step that fails is kept.
   * NacreError `invalid` with the Dockerfile's place, `not-found`, `corrupt` for a checksum.
   */
  build(options: BuildOptions): Promise<BuiltImage>;
  /** Looks at the Dockerfile alone. NacreError as `build`. */
  survey(options: BuildOptions): Promise<DockerfileSurvey>;
  /** What was used last comes first. */
  cache(): Promise<BuildCacheEntry[]>;
  /** Leaves what a build uses now. The keys of what went, and the bytes that this gave back. */
  pruneCache(
    options?: CachePruneOptions,
  ): Promise<{ readonly removed: readonly string[]; readonly reclaimedBytes: number }>;
}
