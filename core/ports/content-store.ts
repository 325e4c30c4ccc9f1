import type { FileReader } from "./files.ts";
import { token } from "./token.ts";

/**
 * A blob being written. Bytes already there from an earlier, broken attempt are kept: `offset`
 * says where to go on. Nothing has its name before `commit` has verified size and digest.
 */
export interface BlobWriter {
  /** Bytes that are there already, hashed; the next write continues at this offset. */
  readonly offset: number;
  write(bytes: Uint8Array): Promise<void>;
  /** Verifies and names the blob. NacreError `corrupt` (and the bytes are gone) if they are not what was promised. */
  commit(): Promise<void>;
  /** Keeps what is there for a later attempt. */
  suspend(): Promise<void>;
  /** Throws away what is there. */
  discard(): Promise<void>;
}

/**
 * Blobs by digest: write once, verified at commit, never changed.
 *
 * Lifecycle: `has` → `writer(descriptor)` → `write`… → `commit`. `commit` is idempotent and atomic:
 * afterwards `has` is true for every process. Two processes that write the same blob do not harm
 * each other: the second waits or writes its own copy; both commits succeed.
 * A layer that its image has uncompressed is its own blob: its tar is what has that digest.
 *
 * Errors: NacreError `invalid` for what is no digest, `not-found` for a blob to be read that is not
 * here, and those of Files.
 */
export interface ContentStore {
  has(digest: string): boolean;
  /** Undefined where `has` is false. */
  sizeBytes(digest: string): number | undefined;
  writer(digest: string, sizeBytes: number): Promise<BlobWriter>;
  reader(digest: string): Promise<FileReader>;
  /** A whole small blob (manifest, config), verified while it is read. NacreError `corrupt`; `invalid` above the limit. */
  read(digest: string, limitBytes: number): Promise<Uint8Array>;
  /** Digests of all blobs, in no order; tars of layers are not among them. */
  list(): string[];
  /** One that is not here is fine. */
  remove(digest: string): Promise<void>;
}

export const ContentStore = token<ContentStore>("ContentStore");
