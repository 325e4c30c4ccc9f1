// What a registry that serves others does with requests that ask for too much.

import type { ImageRepositories } from "@nacre/core/ports/image-repositories.ts";
import { RegistryProtocol } from "@nacre/plugin-registry/protocol.ts";
import { describe, expect, it } from "vitest";

const REPOSITORIES = Array.from(
  { length: 5000 },
  (_, i) => `team/app${String(i).padStart(4, "0")}`,
);
const CHUNK_BYTES = 1 << 20;

async function* endless(counted: { chunks: number }): AsyncGenerator<Uint8Array> {
  for (; counted.chunks < 64; counted.chunks++) yield new Uint8Array(CHUNK_BYTES);
}

const protocol = new RegistryProtocol({
  repositories: async () => REPOSITORIES,
  putManifest: async () => ({ digest: `sha256:${"0".repeat(64)}` }),
} as unknown as ImageRepositories);

const ask = (
  method: string,
  path: string,
  body: AsyncIterable<Uint8Array> = endless({ chunks: 64 }),
) => protocol.answer({ method, url: new URL(path, "http://registry.example"), headers: {}, body });

describe("a registry that serves others", () => {
  it("gives as many names at a time as it wants to, however many are asked for", async () => {
    for (const n of ["2147483647", "9".repeat(400)]) {
      const { status, body } = await ask("GET", `/v2/_catalog?n=${n}`);
      expect(status).toBe(200);
      const { repositories } = JSON.parse(new TextDecoder().decode(body as Uint8Array));
      expect(repositories).toHaveLength(1000);
    }
    expect((await ask("GET", "/v2/_catalog?n=-1")).status).toBe(400);
  });

  it("reads no more of a manifest than it would take", async () => {
    const counted = { chunks: 0 };
    const { status } = await ask("PUT", "/v2/team/app/manifests/1", endless(counted));
    expect(status).toBe(413);
    expect(counted.chunks).toBeLessThan(8);
  });
});
