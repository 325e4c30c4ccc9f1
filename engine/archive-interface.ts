// Roots of containers as what they are made of: changes, archives, layers of new images.

/** A path that a container has added (A), changed (C) or deleted (D), of those that its image gave it. */
export interface Change {
  readonly kind: "A" | "C" | "D";
  /** Absolute; bytes that are not UTF-8 show as U+FFFD. */
  readonly path: string;
}

/** What an image that is made here is to be. */
export interface NewImageOptions {
  /** Its name; the tag is `latest` if it has none. */
  readonly reference?: string;
  readonly author?: string;
  /** For its history. */
  readonly message?: string;
  /** Instructions of a Dockerfile that change its config: `CMD ["sh"]`. */
  readonly changes?: readonly string[];
  /** Its date; now, if absent. With it the same contents give the same image. */
  readonly createdMs?: number;
}

export interface CommitOptions extends NewImageOptions {
  /** Whether a container that runs is paused meanwhile; true if absent. */
  readonly pause?: boolean;
}

export interface ImportOptions extends NewImageOptions {
  /** `os/arch[/variant]`; this machine's, if absent. */
  readonly platform?: string;
}

/**
 * All of it works on containers in any state, and mounts nothing: a root is read as its image's
 * layers and the container's own storage layer. What is mounted in it (volumes, /proc) is no part
 * of it. NacreError `not-found` for a container that is not there, `unsupported` for one whose root
 * is the machine's own.
 */
export interface Archives {
  /** What a container has changed, in the order of paths' bytes. */
  changes(container: string): Promise<Change[]>;
  /** A container's root as a tar, whose bytes are made as they are read. */
  export(container: string): AsyncIterable<Uint8Array>;
  /** An image of the container's own layers and one with its changes; its ID. NacreError `invalid`. */
  commit(container: string, options?: CommitOptions): Promise<string>;
  /** An image of one layer from a tar, compressed with gzip or zstd or not; its ID. NacreError `invalid`, `corrupt`, `unsupported`. */
  import(source: AsyncIterable<Uint8Array> | URL, options?: ImportOptions): Promise<string>;
}
