// The thread in which a module runs. WebAssembly is called and does not return before it ends: in a
// thread of its own it can be stopped.
//
// In a container (`native`) the thread reads the container's root and the process's descriptors by
// itself. For a kernel in memory both are the engine's: it is given the tree, and asks the engine
// for each byte over a port, asleep until the answer is there.

import { readSync, writeSync } from "node:fs";
import {
  type MessagePort,
  parentPort,
  receiveMessageOnPort,
  workerData,
} from "node:worker_threads";
import { type GuestEnd, type GuestProcess, type GuestStreams, runGuest } from "./guest.ts";
import { nodeFiles } from "./node-files.ts";
import { applyChanges, changesOf, readTree, TREE_LIMIT_BYTES, TreeTooLarge } from "./tree.ts";

export type ThreadData =
  | { readonly kind: "native"; readonly process: Omit<GuestProcess, "tree"> }
  | {
      readonly kind: "asked";
      readonly process: GuestProcess;
      readonly port: MessagePort;
      /** One number, increased with each answer. */
      readonly answers: Int32Array<SharedArrayBuffer>;
    };

export type ThreadQuestion =
  | { readonly ask: "read"; readonly most: number }
  | { readonly ask: "write"; readonly stream: 1 | 2; readonly bytes: Uint8Array }
  | { readonly ask: "sleep"; readonly delayMs: number };

const RETRY_MS = 2;
const asleep = new Int32Array(new SharedArrayBuffer(4));

/** A descriptor that somebody else set non-blocking is asked again in a moment. */
function patiently<T>(call: () => T): T {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
    Atomics.wait(asleep, 0, 0, RETRY_MS);
  }
}

const descriptors: GuestStreams = {
  read: (buffer) => patiently(() => readSync(0, buffer)),
  write(stream, bytes) {
    try {
      for (let rest = bytes; rest.length > 0; ) {
        const chunk = rest;
        rest = chunk.subarray(patiently(() => writeSync(stream, chunk)));
      }
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EPIPE") return false;
      throw error;
    }
  },
  sleep: (delayMs) => {
    Atomics.wait(asleep, 0, 0, delayMs);
  },
};

function questions(port: MessagePort, answers: Int32Array<SharedArrayBuffer>): GuestStreams {
  const ask = (question: ThreadQuestion): unknown => {
    const seen = Atomics.load(answers, 0);
    port.postMessage(question);
    Atomics.wait(answers, 0, seen);
    return receiveMessageOnPort(port)?.message;
  };
  let rest = new Uint8Array();
  return {
    read(buffer) {
      if (rest.length === 0) rest = (ask({ ask: "read", most: buffer.length }) ?? rest) as never;
      const taken = Math.min(rest.length, buffer.length);
      buffer.set(rest.subarray(0, taken));
      rest = rest.subarray(taken);
      return taken;
    },
    write: (stream, bytes) => ask({ ask: "write", stream, bytes: bytes.slice() }) === true,
    sleep: (delayMs) => {
      ask({ ask: "sleep", delayMs });
    },
  };
}

async function inContainer(process: Omit<GuestProcess, "tree">): Promise<GuestEnd> {
  const say = (text: string): unknown =>
    descriptors.write(2, new TextEncoder().encode(`wasi: ${text}\n`));
  try {
    const tree = readTree(nodeFiles);
    const { code, tree: left } = await runGuest({ ...process, tree }, descriptors);
    if (left) {
      applyChanges(nodeFiles, changesOf(tree, left), (path, error) =>
        say(`${path} is not kept: ${(error as Error).message}`),
      );
    }
    return { code };
  } catch (error) {
    if (!(error instanceof TreeTooLarge)) throw error;
    say(
      `the root holds more than ${TREE_LIMIT_BYTES >> 20} MiB, which is the most that a module can be given`,
    );
    return { code: 125 };
  }
}

const data = workerData as ThreadData;
const end =
  data.kind === "native"
    ? inContainer(data.process)
    : runGuest(data.process, questions(data.port, data.answers));
end.then(
  (result) => parentPort?.postMessage(result),
  (error: unknown) => {
    throw error;
  },
);
