// What the fake engine says of containers' roots: a few changes, an archive of two chunks.

import type { Archives } from "@nacre/engine/engine.ts";
import { imageRecord } from "./fake-records.ts";

export function fakeArchives(called: (name: string, ...given: unknown[]) => void): Archives {
  return {
    changes: async (container) => {
      called("diff", container);
      return [
        { kind: "C", path: "/etc" },
        { kind: "A", path: "/etc/\u001b[31mred" },
        { kind: "D", path: "/etc/motd" },
      ];
    },
    commit: async (container, options) => {
      called("commit", container, options);
      return imageRecord().id;
    },
    import: async (source, options) => {
      const given = source instanceof URL ? source.href : Buffer.concat(await collected(source));
      called("import", String(given), options);
      return imageRecord().id;
    },
    export: (container) => {
      called("export", container);
      return replayed(["root ", "file system"]);
    },
  };
}

async function* replayed(texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function collected(source: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return chunks;
}
