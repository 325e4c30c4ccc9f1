import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FetchRequest } from "@nacre/core/ports/fetch.ts";
import { LinuxFetch } from "@nacre/linux/fetch.ts";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

const LARGE_BYTES = 24 << 20;
const SMALL_BYTES = 1 << 20;

/** No two of its 4 KiB are the same. */
const large = Buffer.alloc(LARGE_BYTES);
for (let at = 0; at < LARGE_BYTES; at += 8) large.writeDoubleLE(at * 1.1, at);

const folder = mkdtempSync(join(tmpdir(), "nacre-socket-reader-"));
const [cert, key] = [join(folder, "server.crt"), join(folder, "server.key")];

beforeAll(() => {
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  const name = ["-subj", "/CN=registry", "-addext", "subjectAltName=IP:127.0.0.1"];
  execFileSync("openssl", ["req", "-x509", ...kind, ...name, "-keyout", key, "-out", cert], {
    stdio: "pipe",
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function serve(secure: boolean, answer: RequestListener) {
  const tls = secure ? { cert: readFileSync(cert), key: readFileSync(key) } : {};
  const server = secure ? createSecureServer(tls, answer) : createServer(answer);
  let connections = 0;
  server.on(secure ? "secureConnection" : "connection", () => connections++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const client = new LinuxFetch({ environment: secure ? { SSL_CERT_FILE: cert } : {} });
  const { port } = server.address() as AddressInfo;
  return {
    get: (path: string, more: Partial<FetchRequest> = {}) =>
      client.fetch({
        ...{ method: "GET", headers: {}, passing: true, ...more },
        url: `${secure ? "https" : "http"}://127.0.0.1:${port}/${path}`,
      }),
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const small = large.subarray(0, SMALL_BYTES);
const bodies: RequestListener = (incoming, outgoing) => {
  if (incoming.url === "/chunked") {
    outgoing.write(large.subarray(0, 100));
    outgoing.end(large.subarray(100));
    return;
  }
  const body = incoming.url === "/small" ? small : large;
  outgoing.writeHead(200, { "content-length": body.length }).end(body);
};

const digestOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** What a consumer sees who works a while on each chunk, and how many buffers it lay in. */
async function seen(body: AsyncIterable<Uint8Array>) {
  const hash = createHash("sha256");
  const buffers = new Set<ArrayBufferLike>();
  for await (const chunk of body) {
    // Whatever may arrive meanwhile does so before the chunk is looked at.
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    hash.update(chunk);
    buffers.add(chunk.buffer);
  }
  return { digest: hash.digest("hex"), buffers: buffers.size };
}

describe.each([
  ["plain HTTP", false],
  ["TLS", true],
])("a large body over %s", (_, secure) => {
  it("comes whole in memory that is used again, on a connection of its own", async () => {
    await using server = await serve(secure, bodies);
    const first = await seen((await server.get("small")).body);
    expect([first.digest, server.connections()]).toEqual([digestOf(small), 1]);
    for (const connections of [1, 2]) {
      const { digest, buffers } = await seen((await server.get("large")).body);
      expect(digest).toBe(digestOf(large));
      expect(buffers).toBeLessThan(12);
      expect(server.connections()).toBe(connections);
    }
    expect((await seen((await server.get("small")).body)).digest).toBe(digestOf(small));
    expect(server.connections()).toBe(3);
  });

  it("is the parser's where nobody allows otherwise, or its length is not known", async () => {
    await using server = await serve(secure, bodies);
    for (const [path, passing] of [
      ["large", false],
      ["chunked", true],
    ] as const) {
      const { digest, buffers } = await seen((await server.get(path, { passing })).body);
      expect(digest).toBe(digestOf(large));
      expect(buffers).toBeGreaterThan(100);
    }
    expect(server.connections()).toBe(1);
  });

  it("that breaks off says so, after all that has arrived", async () => {
    const half = large.subarray(0, LARGE_BYTES / 2);
    await using server = await serve(secure, (incoming, outgoing) => {
      outgoing.writeHead(200, { "content-length": LARGE_BYTES });
      outgoing.write(half, () => incoming.socket.end());
    });
    const { body } = await server.get("cut");
    const hash = createHash("sha256");
    const all = async () => {
      for await (const chunk of body) hash.update(chunk);
    };
    await expect(all()).rejects.toMatchObject({ kind: "unreachable", errno: "ECONNRESET" });
    expect(hash.digest("hex")).toBe(digestOf(half));
  });

  it("can be given up: by its reader, by a signal, before it is read", async () => {
    const gone: Promise<unknown>[] = [];
    await using server = await serve(secure, (incoming, outgoing) => {
      gone.push(new Promise((resolve) => incoming.socket.once("close", resolve)));
      bodies(incoming, outgoing);
    });
    for await (const chunk of (await server.get("large")).body) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    await (await server.get("large")).cancel();
    const stop = new AbortController();
    const stopped = async () => {
      for await (const _ of (await server.get("large", { signal: stop.signal })).body) stop.abort();
    };
    await expect(stopped()).rejects.toMatchObject({ kind: "interrupted" });
    await Promise.all(gone);
    expect(gone).toHaveLength(3);
  });
});

it("counts the silence in the middle of a large body while somebody waits", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    await using server = await serve(false, (_, outgoing) => {
      outgoing.writeHead(200, { "content-length": LARGE_BYTES });
      outgoing.write("half");
    });
    const chunks = (await server.get("silent")).body[Symbol.asyncIterator]();
    let text = "";
    while (text !== "half") {
      text += Buffer.from((await chunks.next()).value as Uint8Array).toString();
    }
    await vi.advanceTimersByTimeAsync(3_600_000);
    const next = chunks.next();
    next.catch(() => {});
    await vi.advanceTimersByTimeAsync(31_000);
    await expect(next).rejects.toMatchObject({ errno: "UND_ERR_BODY_TIMEOUT" });
  } finally {
    vi.useRealTimers();
  }
});
