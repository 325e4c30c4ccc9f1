// Files of what was built, as they are made in a directory.

import type { CopiedEntry } from "../copy-interface.ts";
import type { Sources } from "../roots/archive.ts";
import type { Member } from "../roots/members.ts";

/** A member of a root as what is made of it in a directory. */
export function copiedEntry({ header, contents, identity }: Member, sources: Sources): CopiedEntry {
  const {
    sizeBytes = 0,
    target = new Uint8Array(),
    mtimeNanoseconds = 0,
    attributes = [],
  } = header;
  const kind = header.kind === "hard-link" ? "file" : header.kind;
  const rest = { links: 1, inode: 0n, device: 0n, allocatedBytes: sizeBytes };
  return {
    entry: { ...header, ...rest, kind, sizeBytes, target, mtimeNanoseconds, attributes },
    ...(identity !== undefined && { identity }),
    async *read() {
      const source = contents && (await sources.open(contents));
      if (!source) return;
      if (!header.segments) yield* source.read();
      else yield* withHoles(header.segments, sizeBytes, source.read());
    },
  };
}

/** Zeros where a sparse file has no data. */
async function* withHoles(
  segments: NonNullable<Member["header"]["segments"]>,
  sizeBytes: number,
  data: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const whole = new Uint8Array(sizeBytes);
  const places = segments.map(({ offset, size }) => ({ offset, left: size }));
  for await (let part of data) {
    while (part.length > 0) {
      const place = places.find(({ left }) => left > 0);
      if (!place) break;
      const now = part.subarray(0, place.left);
      whole.set(now, place.offset);
      place.offset += now.length;
      place.left -= now.length;
      part = part.subarray(now.length);
    }
  }
  yield whole;
}
