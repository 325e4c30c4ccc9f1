// How nacre-init is started: by the addon where it loads and its input does not come through
// JavaScript, else by node:child_process. Both give the same child: a session of its own, its
// program on descriptor 3, its report on 4.

import type { ChildProcess, StdioOptions } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import type { ProcessStreams } from "@nacre/core/ports/kernel.ts";
import { type Addon, loadAddon } from "./addon.ts";

/** What is told of a child, in order; `ended` last, once nothing of it runs any more. */
export interface LaunchListener {
  report(chunk: Buffer): void;
  ended(): void;
}

export interface Launched {
  readonly pid: number;
  readonly stdin: WritableStream<Uint8Array> | undefined;
  readonly stdout: AsyncIterable<Uint8Array> | undefined;
  readonly stderr: AsyncIterable<Uint8Array> | undefined;
}

/** What a child is to write to. */
export interface Outlet {
  /** -1 is /dev/null. */
  readonly descriptor: number;
  readonly stream?: AsyncIterable<Uint8Array>;
  /** To be called once the child has the descriptor: closes ours. */
  readonly handedOn?: () => void;
}

export class Launcher {
  readonly #init: string;
  readonly #addonPath: string | undefined;
  readonly #endsWithProcess: boolean;
  #addon: Addon | undefined | null = null;

  /**
   * `init`: the path of nacre-init; `addonPath`: that of addon.node, if there is one;
   * `endsWithProcess`: this process ends at once when it exits, without taking down its heap.
   */
  constructor(init: string, addonPath?: string, endsWithProcess = false) {
    this.#init = init;
    this.#addonPath = addonPath;
    this.#endsWithProcess = endsWithProcess;
  }

  /** A `detached` child outlives this process, and does not keep it alive once its report has ended. */
  launch(
    message: Uint8Array,
    streams: ProcessStreams,
    detached: boolean,
    listener: LaunchListener,
  ): Promise<Launched> | Launched {
    const { stdin, stdout, stderr } = streams;
    const addon = stdin === "pipe" ? undefined : this.#loaded();
    if (!addon) return this.#spawn(message, streams, detached, listener);
    const outlets: Outlet[] = [];
    try {
      for (const one of [stdout, stderr]) outlets.push(outletOf(one, addon));
      return this.#launch(addon, message, streams, outlets, detached, listener);
    } finally {
      for (const { handedOn } of outlets) handedOn?.();
    }
  }

  #launch(
    addon: Addon,
    message: Uint8Array,
    { stdin, more = [] }: ProcessStreams,
    [stdout, stderr]: readonly Outlet[],
    detached: boolean,
    listener: LaunchListener,
  ): Launched {
    const pid = addon.launch(
      this.#init,
      typeof stdin === "number" ? stdin : -1,
      stdout?.descriptor ?? -1,
      stderr?.descriptor ?? -1,
      message,
      detached,
      (chunk) => (chunk ? listener.report(chunk) : listener.ended()),
      Int32Array.from(more, (descriptor) => descriptor ?? -1),
    );
    return { pid, stdin: undefined, stdout: stdout?.stream, stderr: stderr?.stream };
  }

  #loaded(): Addon | undefined {
    if (this.#addon !== null) return this.#addon;
    const addon = this.#addonPath === undefined ? undefined : loadAddon(this.#addonPath);
    if (addon && this.#endsWithProcess) leaveAtExit(addon);
    this.#addon = addon;
    return addon;
  }

  #spawn(
    message: Uint8Array,
    { stdin, stdout, stderr, more = [] }: ProcessStreams,
    detached: boolean,
    listener: LaunchListener,
  ): Promise<Launched> {
    const { spawn } = process.getBuiltinModule("node:child_process");
    // Node leaves out what it is to ignore past 2: nacre-init's own would come to stand there.
    const gap = more.includes(undefined) ? openSync("/dev/null", "r+") : undefined;
    const given = more.map((one) => one ?? gap!);
    const stdio: StdioOptions = [stdin, stdout, stderr, "pipe", "pipe", ...given];
    const child = spawn(this.#init, [], { stdio, detached: true });
    if (gap !== undefined) closeSync(gap);
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      if (child.pid === undefined) return;
      listen(child, message, listener);
      if (detached) child.unref();
      resolve({
        pid: child.pid,
        // At once: what nobody listens to when the child has exited, child_process throws away.
        stdin: child.stdin ? toWeb<WritableStream<Uint8Array>>("Writable", child.stdin) : undefined,
        stdout: child.stdout ? toWeb("Readable", child.stdout) : undefined,
        stderr: child.stderr ? toWeb("Readable", child.stderr) : undefined,
      });
    });
  }
}

/** Node says what was thrown, and by nobody caught, after everything that happens at the exit. */
export function leaveAtExit(addon: Pick<Addon, "leave">): void {
  let thrown = false;
  process.once("uncaughtExceptionMonitor", () => {
    thrown = true;
  });
  process.once("exit", (code) => {
    if (!thrown) addon.leave(code);
  });
}

/** A descriptor for a child, and what comes out of it. */
export function outletOf(stream: ProcessStreams["stdout"], addon: Addon): Outlet {
  if (stream !== "pipe") return { descriptor: typeof stream === "number" ? stream : -1 };
  const outflow = new Outflow(addon);
  return { descriptor: outflow.descriptor, stream: outflow, handedOn: () => outflow.handedOn() };
}

/** What comes out of a pipe, read when it is asked for. No web stream, which takes milliseconds to load. */
class Outflow implements AsyncIterableIterator<Uint8Array> {
  readonly #addon: Addon;
  readonly #handle: ReturnType<Addon["openOutflow"]>[1];
  readonly #asked: ((result: IteratorResult<Uint8Array, undefined>) => void)[] = [];
  #ended = false;
  readonly descriptor: number;

  constructor(addon: Addon) {
    this.#addon = addon;
    [this.descriptor, this.#handle] = addon.openOutflow((chunk) => {
      if (!chunk) return this.#end();
      this.#asked.shift()?.({ value: chunk, done: false });
      if (this.#asked.length > 0) addon.askOutflow(this.#handle);
    });
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    const { promise, resolve } = Promise.withResolvers<IteratorResult<Uint8Array, undefined>>();
    // One is asked for at a time: whoever asks earlier gets the earlier bytes.
    if (this.#asked.push(resolve) === 1) this.#addon.askOutflow(this.#handle);
    return promise;
  }

  /** Nobody reads it any more: who writes is told so. */
  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!this.#ended) this.#addon.dropOutflow(this.#handle);
    this.#end();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The child has its end now. */
  handedOn(): void {
    this.#addon.closeOutflow(this.#handle);
  }

  #end(): void {
    this.#ended = true;
    for (const resolve of this.#asked.splice(0)) resolve({ value: undefined, done: true });
  }
}

/** Web streams cost milliseconds to load: only for those who asked for pipes. */
function toWeb<T = ReadableStream<Uint8Array>>(
  kind: "Readable" | "Writable",
  stream: Readable | Writable,
): T {
  const streams = process.getBuiltinModule("node:stream");
  return (kind === "Readable"
    ? streams.Readable.toWeb(stream as Readable)
    : streams.Writable.toWeb(stream as Writable)) as unknown as T;
}

/** After it a child outlives this process, as if it had been detached from the beginning. */
const LEFT = "left\n";

function listen(child: ChildProcess, message: Uint8Array, listener: LaunchListener): void {
  const [, , , input, report] = child.stdio as unknown as [0, 0, 0, Writable, Readable];
  input.on("error", () => {}); // it ended before it read everything: the report says why
  input.end(message);
  report.on("data", (chunk: Buffer) => {
    listener.report(chunk);
    if (chunk.toString("latin1").endsWith(LEFT)) child.unref();
  });
  let left = 2; // the report's end and the process's
  const ended = (): void => {
    if (--left === 0) listener.ended();
  };
  report.once("close", ended);
  child.once("exit", ended);
}
