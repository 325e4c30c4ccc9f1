// The addon: what Node lacks, or does too slowly, in a little C (addon/).

declare const inflater: unique symbol;
declare const outflow: unique symbol;

/** What a child writes and JavaScript reads; the addon's own. */
export type OutflowHandle = { readonly [outflow]: never };

/** A gzip stream that is being read; the addon's own. */
export type InflaterHandle = { readonly [inflater]: never };

declare const hasher: unique symbol;

/** A digest that is being made; the addon's own. */
export type HasherHandle = { readonly [hasher]: never };

/** ISA-L, where libisal.so.2 is installed, or the zlib that this Node has in itself. */
export type InflateLibrary = "isal" | "zlib";

export interface Addon {
  /** Starts nacre-init; its pid. A descriptor of -1 is /dev/null; those of `more` it gets from 5 on. addon/launch.c. */
  launch(
    path: string,
    stdin: number,
    stdout: number,
    stderr: number,
    message: Uint8Array,
    detached: boolean,
    onReport: (chunk: Buffer | null) => void,
    more: Int32Array,
  ): number;
  /**
   * A pipe: the descriptor to write to, for `closeOutflow` to close, and what asks for its bytes.
   * `onChunk` gets null at their end. addon/outflow.c.
   */
  openOutflow(onChunk: (chunk: Buffer | null) => void): [descriptor: number, OutflowHandle];
  /** One chunk more may come; until then a writer waits when the pipe is full. */
  askOutflow(handle: OutflowHandle): void;
  /** A child has the descriptor: closes ours. What `fs` closes and did not open, worker threads warn of. */
  closeOutflow(handle: OutflowHandle): void;
  /** Nothing more is wanted: who writes gets EPIPE. */
  dropOutflow(handle: OutflowHandle): void;
  /** Ends the process at once. */
  leave(code: number): never;
  /**
   * Has a child stop, for good, so that its memory can be written to a file, and gives its pid and
   * its registers; of a process that is made of that file, its pid and the words that it was started with.
   * Throws an error with `errno`: ENOSYS on other processors and libcs. addon/freeze.c.
   */
  freeze(): [pid: number, ...registers: bigint[]] | string[];
  /**
   * Names and values of a file's extended attributes, in turns; links are followed. Throws an error
   * with `errno`. `path` has 63 bytes at most: /proc/self/fd/N. addon/attributes.c.
   */
  attributes(path: string): (string | Buffer)[];
  /**
   * A small regular file below a directory, by openat2(2), which follows no link. Undefined where
   * there is none; null where it has to be read in another way. Throws an error with `errno`.
   * addon/beneath.c.
   */
  readBeneath(directory: string, path: string, limitBytes: number): Buffer | null | undefined;
  /** Undefined where the library is not there, or is not what it was. addon/inflate.c. */
  createInflater(library: InflateLibrary): InflaterHandle | undefined;
  /**
   * Inflates from `input` to `output` until one of them is used up or a member ends.
   * @returns status (1: a member has ended, -1: damaged), bytes left of `input` and of `output`
   */
  inflate(
    handle: InflaterHandle,
    input: Uint8Array,
    output: Uint8Array,
  ): Promise<[status: number, inputLeft: number, outputLeft: number]>;
  /** Undefined where this Node has no OpenSSL that the addon knows. addon/hash.c. */
  createHasher(algorithm: "sha256" | "sha512"): HasherHandle | undefined;
  /** Adds bytes in the thread pool, which must stay as they are till then; one call at a time. False if it failed. */
  hash(handle: HasherHandle, bytes: Uint8Array): Promise<boolean>;
  /** The same at once. */
  hashNow(handle: HasherHandle, bytes: Uint8Array): boolean;
  /** Undefined if it failed. The handle is spent. */
  digest(handle: HasherHandle): Buffer | undefined;
}

/** The addon at `path`; undefined where it does not load: another libc or processor. */
export function loadAddon(path: string): Addon | undefined {
  const module = { exports: {} as Addon };
  try {
    process.dlopen(module, path);
    return module.exports;
  } catch {
    return undefined;
  }
}
