// What @wasmer/wasi gives a module, with five things done otherwise:
//
// - Standard streams are the process's own, as bytes come and go; the library keeps them in buffers
//   until the module has ended.
// - Waiting waits; the library traps.
// - Ending throws ModuleEnd, so that it can be told from a trap without asking the library.
// - Descriptor 3, a root of the library's own, can be listed and looked into: it stands for the
//   next one, which is `/`. What was opened there to be listed can be closed.
// - Functions that are not WASI's trap when they are called, not before: modules import what they
//   never use.
//
// Numbers and layouts: WASI preview 1, witx/wasi_snapshot_preview1.witx.

import type { GuestStreams } from "./guest.ts";

export const PREVIEW1 = "wasi_snapshot_preview1";

type Call = (...words: never[]) => unknown;
export type Imports = Record<string, Record<string, unknown>>;

const ERRNO = { success: 0, badf: 8, inval: 28, pipe: 64 } as const;
const STDERR = 2;

/** Thrown through the module when it ends itself. */
export class ModuleEnd extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`the module ended with ${code}`);
    this.code = code;
  }
}

/** Replaces calls of `imports` in place. `memory`: the module's, once it is there. */
export function redirect(imports: Imports, memory: () => ArrayBuffer, streams: GuestStreams): void {
  const wasi = imports[PREVIEW1];
  if (!wasi) return;
  replaceStreams(wasi, memory, streams);
  replaceWaiting(wasi, memory, streams);
  wasi.proc_exit = (code: number) => {
    throw new ModuleEnd(code);
  };
  for (const [name, call] of Object.entries(wasi)) {
    if (!/^(path_|fd_readdir|fd_filestat_get|fd_fdstat_get)/.test(name)) continue;
    wasi[name] = lookingAtRoot(name, call as Call);
  }
  const close = wasi.fd_close as Call | undefined;
  // The library takes every descriptor of the root for the one that must stay open.
  wasi.fd_close = (fd: never) => {
    const failed = close?.(fd);
    return failed === ERRNO.inval ? ERRNO.success : failed;
  };
}

/** `path_rename` and `path_link` have a second directory, `path_symlink` has it after the text. */
const DIRECTORIES: Readonly<Record<string, readonly number[]>> = {
  path_rename: [0, 3],
  path_link: [0, 4],
  path_symlink: [2],
};

function lookingAtRoot(name: string, call: Call): Call {
  const places = DIRECTORIES[name] ?? [0];
  return (...words: unknown[]) =>
    call(...(words.map((word, at) => (word === 3 && places.includes(at) ? 4 : word)) as never[]));
}

/** The buffers that an array of iovec or ciovec names. */
function* vectors(memory: ArrayBuffer, at: number, count: number): Generator<Uint8Array> {
  const view = new DataView(memory);
  for (let i = 0; i < count; i++) {
    const pointer = view.getUint32(at + 8 * i, true);
    yield new Uint8Array(memory, pointer, view.getUint32(at + 8 * i + 4, true));
  }
}

function replaceStreams(
  wasi: Record<string, unknown>,
  memory: () => ArrayBuffer,
  streams: GuestStreams,
): void {
  const { fd_read: read, fd_write: write } = wasi as Record<string, Call>;
  const done = (at: number, bytes: number): number => {
    new DataView(memory()).setUint32(at, bytes, true);
    return ERRNO.success;
  };
  wasi.fd_write = (fd: number, at: number, count: number, written: number): unknown => {
    if (fd > STDERR) return write?.(...([fd, at, count, written] as never[]));
    if (fd === 0) return ERRNO.badf;
    let bytes = 0;
    for (const buffer of vectors(memory(), at, count)) {
      if (buffer.length > 0 && !streams.write(fd as 1 | 2, buffer)) return ERRNO.pipe;
      bytes += buffer.length;
    }
    return done(written, bytes);
  };
  wasi.fd_read = (fd: number, at: number, count: number, taken: number): unknown => {
    if (fd !== 0) return read?.(...([fd, at, count, taken] as never[]));
    for (const buffer of vectors(memory(), at, count)) {
      if (buffer.length > 0) return done(taken, streams.read(buffer));
    }
    return done(taken, 0);
  };
}

const SUBSCRIPTION_BYTES = 48;
const EVENT_BYTES = 32;
const CLOCK = 0;
const ABSOLUTE = 1;

/** poll_oneoff: what is to be read or written is ready; of nothing but clocks the first is waited for. */
function replaceWaiting(
  wasi: Record<string, unknown>,
  memory: () => ArrayBuffer,
  streams: GuestStreams,
): void {
  const time = wasi.clock_time_get as Call | undefined;
  wasi.poll_oneoff = (subscriptions: number, events: number, count: number, ready: number) => {
    const view = () => new DataView(memory());
    const wanted = Array.from({ length: count }, (_, i) => {
      const at = subscriptions + SUBSCRIPTION_BYTES * i;
      const type = view().getUint8(at + 8);
      return {
        userdata: view().getBigUint64(at, true),
        type,
        delay: type === CLOCK ? delayOf(at) : 0n,
      };
    });
    function delayOf(at: number): bigint {
      const timeout = view().getBigUint64(at + 24, true);
      if ((view().getUint16(at + 40, true) & ABSOLUTE) === 0) return timeout;
      // The result lies where the first event will.
      time?.(...([view().getUint32(at + 16, true), 1n, events] as never[]));
      const now = view().getBigUint64(events, true);
      return timeout > now ? timeout - now : 0n;
    }
    const delay = wanted.map((one) => one.delay).reduce((a, b) => (a < b ? a : b), 2n ** 63n);
    if (count > 0 && delay > 0n) streams.sleep(Number(delay) / 1e6);
    const happened = wanted.filter((one) => one.delay <= delay);
    for (const [i, { userdata, type }] of happened.entries()) {
      const at = events + EVENT_BYTES * i;
      new Uint8Array(memory(), at, EVENT_BYTES).fill(0);
      view().setBigUint64(at, userdata, true);
      view().setUint8(at + 10, type);
      if (type !== CLOCK) view().setBigUint64(at + 16, 1n, true);
    }
    view().setUint32(ready, happened.length, true);
    return ERRNO.success;
  };
}
