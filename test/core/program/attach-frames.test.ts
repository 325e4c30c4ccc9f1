import {
  FrameReader,
  INPUT_BYTES,
  inputFrames,
  windowFrame,
} from "@nacre/core/program/attach-frames.ts";
import { describe, expect, it } from "vitest";

const bytes = (...values: number[]) => Uint8Array.from(values);

describe("frames to a supervisor", () => {
  it("hold input in parts that it has room for", () => {
    expect(inputFrames(bytes(7, 8))).toEqual([bytes(0, 0, 0, 0, 0, 0, 0, 2, 7, 8)]);
    expect(inputFrames(new Uint8Array(INPUT_BYTES * 2 + 1)).map((f) => f.length)).toEqual([
      ...[INPUT_BYTES + 8, INPUT_BYTES + 8, 9],
    ]);
    expect(inputFrames(bytes())).toEqual([]);
  });

  it("hold the size of a window", () => {
    expect(windowFrame(24, 300)).toEqual(bytes(1, 0, 0, 0, 0, 0, 0, 4, 0, 24, 1, 44));
  });
});

describe("frames of a supervisor", () => {
  const sent = bytes(...[1, 0, 0, 0, 0, 0, 0, 2, 65, 66], ...[2, 0, 0, 0, 0, 0, 0, 1, 67]);
  const read = [
    { stream: "stdout", bytes: bytes(65, 66) },
    { stream: "stderr", bytes: bytes(67) },
  ];

  it("are read whole, however they come", () => {
    expect(new FrameReader().push(sent)).toEqual(read);
    const reader = new FrameReader();
    expect([...sent].flatMap((byte) => reader.push(bytes(byte)))).toEqual(read);
  });

  it("of a kind that is not known yet are passed over", () => {
    expect(new FrameReader().push(bytes(9, 0, 0, 0, 0, 0, 0, 1, 1, ...sent))).toEqual(read);
  });
});
