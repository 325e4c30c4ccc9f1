// Connects to the socket of a detached container's supervisor (native/attach.c).

import { closeSync, constants, openSync } from "node:fs";
import { createRequire } from "node:module";
import type { Socket } from "node:net";
import { basename, dirname } from "node:path";
import type { AttachedStreams } from "@nacre/core/ports/kernel.ts";
import {
  FrameReader,
  inputFrames,
  type OutputChunk,
  windowFrame,
} from "@nacre/core/program/attach-frames.ts";
import { fileError } from "./files-error.ts";

// `require` loads it in a tenth of the time that `import` takes, and only when needed.
const require = createRequire(import.meta.url);

const O_PATH = 0o10000000;

/** Through its directory: the path may be longer than an address of a socket (unix(7)). NacreError `not-found` where nobody listens. */
export async function connected(path: string): Promise<Socket> {
  const net = require("node:net") as typeof import("node:net");
  let directory: number | undefined;
  try {
    directory = openSync(dirname(path), O_PATH | constants.O_DIRECTORY);
    const socket = net.connect({ path: `/proc/self/fd/${directory}/${basename(path)}` });
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return socket;
  } catch (error) {
    // A socket that nobody listens at any more is as good as none.
    const code = (error as NodeJS.ErrnoException).code;
    const absent =
      code === "ECONNREFUSED" ? Object.assign(error as Error, { code: "ENOENT" }) : error;
    throw fileError(absent, "connect to", path);
  } finally {
    if (directory !== undefined) closeSync(directory);
  }
}

async function* chunks(socket: Socket): AsyncGenerator<OutputChunk> {
  const reader = new FrameReader();
  try {
    for await (const bytes of socket) yield* reader.push(bytes as Uint8Array);
  } catch (error) {
    // We have left, or the supervisor was killed: there is no more of it.
    const { code } = error as NodeJS.ErrnoException;
    if (!["ECONNRESET", "EPIPE", "ERR_STREAM_PREMATURE_CLOSE"].includes(code ?? "")) throw error;
  }
}

/** See Kernel.attach. @throws NacreError `not-found` where nobody listens at the socket */
export async function attach(path: string): Promise<AttachedStreams> {
  const socket = await connected(path);
  socket.on("error", () => {}); // seen by who reads the output
  return {
    output: chunks(socket),
    async write(bytes) {
      if (!socket.writable) return;
      // What Node still had would be lost by `close`.
      const sent = inputFrames(bytes).map(
        (frame) => new Promise<void>((resolve) => socket.write(frame, () => resolve())),
      );
      await Promise.all(sent);
    },
    resize: (rows, columns) => {
      if (socket.writable) socket.write(windowFrame(rows, columns));
    },
    close: () => {
      socket.destroy();
    },
  };
}
