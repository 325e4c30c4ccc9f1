// Roots of containers as what they are made of: changes, archives, layers of new images.

/** A path that a container has added (A), changed (C) or deleted (D), of those that its image gave it. */
export interface Change {
  readonly kind: "A" | "C" | "D";
  /** Absolute; bytes that are not UTF-8 show as U+FFFD. */
  readonly path: string;
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
}
