// A registry that takes what is pushed, on loopback, whose answers a test may change.

import { sha256 } from "@nacre/plugin-registry/content.ts";
import { type Answering, type Listening, listen } from "@nacre/plugin-registry/http.ts";
import { MemoryRepositories } from "@nacre/plugin-registry/memory-repositories.ts";
import {
  type ProtocolAnswer,
  type ProtocolRequest,
  RegistryProtocol,
} from "@nacre/plugin-registry/protocol.ts";

export interface PushRegistry extends Listening {
  readonly repositories: MemoryRepositories;
  /** `METHOD /path STATUS`, IDs of uploads left out. */
  readonly requests: string[];
  /** Each request as it came, in the same order. */
  readonly asked: ProtocolRequest[];
}

/** Answers in place of the registry; undefined leaves it to it. */
export type Instead = (
  request: ProtocolRequest,
  usual: Answering,
) => Promise<ProtocolAnswer | undefined>;

export async function pushRegistry(
  instead: Instead = async () => undefined,
): Promise<PushRegistry> {
  const repositories = new MemoryRepositories(sha256);
  const protocol = new RegistryProtocol(repositories);
  const usual: Answering = (request) => protocol.answer(request);
  const requests: string[] = [];
  const asked: ProtocolRequest[] = [];
  const server = await listen(
    async (request) => (await instead(request, usual)) ?? usual(request),
    {
      answered: (request, status) => {
        const path = request.url.pathname.replace(/upload-\d+$/, "ID");
        requests.push(`${request.method} ${path} ${status}`);
        asked.push(request);
      },
    },
  );
  return { ...server, repositories, requests, asked };
}

/** The first `bytes` of a body, and then an error, as when a connection breaks. */
export async function* cutAfter(
  body: AsyncIterable<Uint8Array>,
  bytes: number,
): AsyncGenerator<Uint8Array> {
  let left = bytes;
  for await (const chunk of body) {
    yield chunk.subarray(0, left);
    left -= Math.min(chunk.length, left);
    if (left === 0) throw new Error("cut");
  }
}
