// What goes over the socket of a detached container's supervisor (backends/linux/native/attach.c):
// frames with docker's header, a kind, three zeros, and the size of what follows, big-endian.

const HEADER = 8;
/** Of what is sent to a supervisor in one frame. */
export const INPUT_BYTES = 4096;

const KINDS = { input: 0, window: 1 } as const;
const STREAMS = [undefined, "stdout", "stderr"] as const;

export interface OutputChunk {
  readonly stream: "stdout" | "stderr";
  readonly bytes: Uint8Array;
}

function frame(kind: number, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(HEADER + bytes.length);
  whole[0] = kind;
  new DataView(whole.buffer).setUint32(4, bytes.length);
  whole.set(bytes, HEADER);
  return whole;
}

/** As many as it takes. */
export function inputFrames(bytes: Uint8Array): Uint8Array<ArrayBuffer>[] {
  const frames = [];
  for (let at = 0; at < bytes.length; at += INPUT_BYTES) {
    frames.push(frame(KINDS.input, bytes.subarray(at, at + INPUT_BYTES)));
  }
  return frames;
}

/** The new size of a terminal, to the supervisor. */
export function windowFrame(rows: number, columns: number): Uint8Array<ArrayBuffer> {
  const size = new Uint8Array(4);
  const view = new DataView(size.buffer);
  view.setUint16(0, rows);
  view.setUint16(2, columns);
  return frame(KINDS.window, size);
}

/** Takes bytes as they come, and gives what they complete. */
export class FrameReader {
  #rest = new Uint8Array(0);

  push(bytes: Uint8Array): OutputChunk[] {
    const all = new Uint8Array(this.#rest.length + bytes.length);
    all.set(this.#rest);
    all.set(bytes, this.#rest.length);
    const view = new DataView(all.buffer);
    const found: OutputChunk[] = [];
    let at = 0;
    while (all.length - at >= HEADER) {
      const end = at + HEADER + view.getUint32(at + 4);
      if (end > all.length) break;
      const stream = STREAMS[view.getUint8(at)];
      if (stream) found.push({ stream, bytes: all.subarray(at + HEADER, end) });
      at = end;
    }
    this.#rest = all.subarray(at);
    return found;
  }
}
