// What fuzzing has found worth keeping, in one file: sizes of four bytes, each before its bytes.

export function packCorpus(messages: readonly Uint8Array[]): Uint8Array {
  const parts = messages.flatMap((bytes) => {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(bytes.length);
    return [size, bytes];
  });
  return Buffer.concat(parts);
}

export function unpackCorpus(packed: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at < packed.length; ) {
    const size = packed.readUInt32LE(at);
    messages.push(packed.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
  return messages;
}
