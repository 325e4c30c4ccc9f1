// Has a process go on that waits for its start (native/process.c, await_start). It says that it is
// about to execute and its end of the connection closes as it does; or it says what failed.
//
//   packet   i32 index · i32 errno · i32 code of the operation · text of 512 bytes, ended by NUL

import { NacreError } from "@nacre/core/error.ts";
import { connected } from "./attach.ts";
import { beginError } from "./fault.ts";

const PACKET_BYTES = 12 + 512;
const ABOUT_TO_EXECUTE = -1;

/**
 * See Kernel.begin: asks for the start by connecting to the socket, and hears by the same packets
 * as a supervisor how it went.
 * @throws NacreError for the operation that failed
 */
export async function begin(path: string): Promise<void> {
  const socket = await connected(path);
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of socket) chunks.push(chunk as Buffer);
  } catch {
    // It ended in the middle: what it said until then is what there is.
  }
  const said = Buffer.concat(chunks);
  let executing = false;
  for (let at = 0; at + PACKET_BYTES <= said.length; at += PACKET_BYTES) {
    if (said.readInt32LE(at) === ABOUT_TO_EXECUTE) executing = true;
    else {
      const detail = said.toString("utf8", at + 12, said.indexOf(0, at + 12));
      throw beginError(said.readInt32LE(at + 8), said.readInt32LE(at + 4), detail);
    }
  }
  if (!executing) {
    throw new NacreError("interrupted", "the process ended before it could execute its program");
  }
}
