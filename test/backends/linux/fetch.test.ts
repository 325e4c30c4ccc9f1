import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import {
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NacreError } from "@nacre/core/error.ts";
import type { FetchRequest } from "@nacre/core/ports/fetch.ts";
import { type FetchOptions, LinuxFetch } from "@nacre/linux/fetch.ts";
import { MemoryContent } from "@nacre/plugin-registry/content.ts";
import { serveRegistry } from "@nacre/plugin-registry/server.ts";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

const get = (url: string, more: Partial<FetchRequest> = {}): FetchRequest => ({
  method: "GET",
  url,
  headers: {},
  ...more,
});

/** The status of one exchange by a client of its own, or the error. */
async function ask(url: string, options: Partial<FetchOptions> = {}) {
  await using client = new LinuxFetch({ environment: {}, ...options });
  try {
    const response = await client.fetch(get(url));
    await response.cancel();
    return response.status;
  } catch (error) {
    return error;
  }
}

/** A proxy that speaks CONNECT and absolute-form requests, and remembers what for. */
async function startProxy(target: () => string) {
  const seen: string[] = [];
  const server: Server = createServer((incoming: IncomingMessage, outgoing) => {
    seen.push(`${incoming.method} ${incoming.url}`);
    const { pathname } = new URL(incoming.url ?? "");
    const forwarded = request(`http://${target()}${pathname}`, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500);
      answer.pipe(outgoing);
    });
    forwarded.end();
  });
  server.on("connect", (incoming: IncomingMessage, socket) => {
    seen.push(`CONNECT ${incoming.url}`);
    const [, port] = target().split(":");
    const upstream = connect(Number(port), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      upstream.pipe(socket).pipe(upstream);
    });
    for (const end of [socket, upstream]) end.on("error", () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url, seen, [Symbol.asyncDispose]: close };
}

describe("an exchange", () => {
  it("gives status, headers in lower case, and the body in chunks; follows no redirect", async () => {
    await using registry = await serveRegistry(new MemoryContent(), {
      faults: [{ on: "blob", do: "redirect", to: "https://elsewhere.example/" }],
    });
    await using client = new LinuxFetch({ environment: {} });
    const ping = await client.fetch(get(`${registry.url}/v2/`));
    expect(ping.headers["docker-distribution-api-version"]).toBe("registry/2.0");
    expect(await ping.text(100)).toBe("{}");
    const moved = await client.fetch(get(`${registry.url}/v2/a/blobs/sha256:0`));
    await moved.cancel();
    expect([moved.status, moved.headers.location]).toEqual([307, "https://elsewhere.example/"]);
    const long = await client.fetch(get(`${registry.url}/v2/nothing`));
    await expect(long.text(5)).rejects.toMatchObject({ kind: "corrupt" });
  });

  it("fails as unreachable with a reason, and as interrupted where that was asked for", async () => {
    const silent = createTcpServer((socket) => socket.on("error", () => {}));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    const stop = new AbortController();
    await using client = new LinuxFetch({ environment: {} });
    const waiting = client.fetch(get(`http://127.0.0.1:${port}/`, { signal: stop.signal }));
    const outcome = waiting.catch((error: unknown) => error);
    stop.abort();
    expect(await outcome).toMatchObject({ kind: "interrupted" });
    await new Promise((resolve) => silent.close(resolve));
    expect(await ask(`http://127.0.0.1:${port}/`)).toMatchObject({
      kind: "unreachable",
      errno: "ECONNREFUSED",
      message: `cannot reach 127.0.0.1:${port}: nothing listens there`,
    });
  });

  it("says that a server speaks no TLS, or no HTTP", async () => {
    await using registry = await serveRegistry(new MemoryContent());
    expect(await ask(`https://${registry.address}/v2/`)).toMatchObject({
      kind: "unreachable",
      message: expect.stringMatching(/does not speak TLS/),
    });
    const babbling = createTcpServer((socket) => socket.resume().end("220 smtp.example\r\n"));
    await new Promise<void>((resolve) => babbling.listen(0, "127.0.0.1", resolve));
    const { port } = babbling.address() as AddressInfo;
    expect(await ask(`http://127.0.0.1:${port}/`)).toMatchObject({ kind: "unreachable" });
    await new Promise((resolve) => babbling.close(resolve));
  });
});

/** A server whose connections and requests are counted. */
async function startServer(answer: (incoming: IncomingMessage, outgoing: ServerResponse) => void) {
  const server = createServer(answer);
  let connections = 0;
  server.on("connection", () => connections++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { server, url, connections: () => connections, [Symbol.asyncDispose]: close };
}

describe("a connection", () => {
  it("is used again, also after a small answer that nobody reads", async () => {
    await using server = await startServer((_, outgoing) => outgoing.end("small"));
    await using client = new LinuxFetch({ environment: {} });
    for (let i = 0; i < 5; i++) {
      const response = await client.fetch(get(server.url));
      if (i % 2 === 0) await response.cancel();
      else expect(await response.text(100)).toBe("small");
      // What nobody reads is drained a little later.
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(server.connections()).toBe(1);
  });

  it("that the server has closed meanwhile costs no request", async () => {
    let requests = 0;
    await using server = await startServer((incoming, outgoing) => {
      requests++;
      // The second one finds a connection that looks open and is not.
      if (requests === 2) incoming.socket.destroy();
      else outgoing.end("here");
    });
    await using client = new LinuxFetch({ environment: {} });
    for (let i = 0; i < 2; i++) {
      expect(await (await client.fetch(get(server.url))).text(100)).toBe("here");
    }
    expect([requests, server.connections()]).toEqual([3, 2]);
  });

  it("is cut where a large answer is not wanted, and its loss is told in the middle of one", async () => {
    const large = Buffer.alloc(1 << 20, "nacre");
    await using server = await startServer((incoming, outgoing) => {
      outgoing.writeHead(200, { "content-length": 100 << 20 });
      outgoing.write(large);
      if (incoming.url === "/cut") setImmediate(() => incoming.socket.destroy());
    });
    await using client = new LinuxFetch({ environment: {} });
    await (await client.fetch(get(server.url))).cancel();
    const response = await client.fetch(get(`${server.url}cut`));
    const all = async () => {
      for await (const _ of response.body);
    };
    await expect(all()).rejects.toMatchObject({ kind: "unreachable", errno: "ECONNRESET" });
  });

  it("lets go of what is being sent when the server answers before it has read it", async () => {
    await using server = await startServer((incoming, outgoing) => {
      incoming.pause();
      outgoing.writeHead(401, { "content-length": 2 }).end("no");
    });
    await using client = new LinuxFetch({ environment: {} });
    const let_go = Promise.withResolvers<void>();
    async function* endless() {
      try {
        for (;;) yield Buffer.alloc(1 << 16);
      } finally {
        let_go.resolve();
      }
    }
    const response = await client.fetch(get(server.url, { method: "PUT", body: endless() }));
    expect([response.status, await response.text(10)]).toEqual([401, "no"]);
    await let_go.promise;
  });

  it("ends with the error of what was to be sent", async () => {
    await using server = await startServer((incoming) => incoming.resume());
    await using client = new LinuxFetch({ environment: {} });
    async function* broken() {
      yield Buffer.from("half");
      throw new NacreError("corrupt", "the blob is torn");
    }
    const sending = client.fetch(get(server.url, { method: "PUT", body: broken() }));
    await expect(sending).rejects.toMatchObject({ kind: "corrupt", message: "the blob is torn" });
  });

  it("sends what it is given, with its length or in chunks", async () => {
    const seen: unknown[] = [];
    await using server = await startServer(async (incoming, outgoing) => {
      const parts: Buffer[] = [];
      for await (const part of incoming) parts.push(part as Buffer);
      const { "content-length": length, "transfer-encoding": coding } = incoming.headers;
      seen.push([incoming.method, length, coding, Buffer.concat(parts).toString()]);
      outgoing.end();
    });
    await using client = new LinuxFetch({ environment: {} });
    const parts = async function* () {
      yield Buffer.from("in ");
      yield Buffer.from("parts");
    };
    const headers = { "content-length": "8" };
    for (const more of [
      { method: "PUT", body: Buffer.from("whole") },
      { method: "PATCH", body: parts() },
      { method: "PATCH", body: parts(), headers },
      { method: "POST" },
      { method: "DELETE" },
    ] as const) {
      await (await client.fetch(get(server.url, more))).cancel();
    }
    expect(seen).toEqual([
      ["PUT", "5", undefined, "whole"],
      ["PATCH", undefined, "chunked", "in parts"],
      ["PATCH", "8", undefined, "in parts"],
      ["POST", "0", undefined, ""],
      ["DELETE", undefined, undefined, ""],
    ]);
  });
});

describe("silence", () => {
  it("in the middle of an answer counts while somebody waits, not while he works", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      await using server = await startServer((_, outgoing) => {
        outgoing.writeHead(200, { "content-length": 10 });
        outgoing.write("half");
      });
      await using client = new LinuxFetch({ environment: {} });
      const response = await client.fetch(get(server.url));
      const chunks = response.body[Symbol.asyncIterator]();
      expect(Buffer.from((await chunks.next()).value as Uint8Array).toString()).toBe("half");
      await vi.advanceTimersByTimeAsync(3_600_000);
      const next = chunks.next();
      next.catch(() => {});
      await vi.advanceTimersByTimeAsync(29_000);
      expect(await Promise.race([next.then(String, String), "waits"])).toBe("waits");
      await vi.advanceTimersByTimeAsync(2_000);
      await expect(next).rejects.toMatchObject({
        kind: "unreachable",
        errno: "UND_ERR_BODY_TIMEOUT",
      });
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("a proxy", () => {
  it("is asked for what is not loopback, unless NO_PROXY says otherwise", async () => {
    await using registry = await serveRegistry(new MemoryContent());
    await using proxy = await startProxy(() => registry.address);
    const environment = { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url };
    expect(await ask("http://registry.example/v2/", { environment })).toBe(200);
    expect(proxy.seen).toEqual(["GET http://registry.example/v2/"]);
    expect(await ask(`${registry.url}/v2/`, { environment })).toBe(200);
    expect(proxy.seen).toHaveLength(1);
    for (const NO_PROXY of ["*", "other, .invalid", "nowhere.invalid", "invalid:80"]) {
      const own = { environment: { ...environment, NO_PROXY } };
      const error = await ask("http://nowhere.invalid/v2/", own);
      expect(error, NO_PROXY).toMatchObject({ kind: "unreachable" });
    }
    const blocked = { environment: { ...environment, no_proxy: "192.0.2.0/24,[2001:db8::]/32" } };
    expect(proxy.seen).toHaveLength(1);
    expect(await ask("http://192.0.3.1/v2/", blocked)).toBe(200);
    expect(
      await ask("http://registry.example:81/v2/", {
        environment: { ...environment, NO_PROXY: "registry.example:80" },
      }),
    ).toBe(200);
    expect(proxy.seen).toHaveLength(3);
  });

  it("that is down is named without the password in its URL", async () => {
    const environment = { http_proxy: "http://user:hunter2@127.0.0.1:1" };
    const error = await ask("http://registry.example/v2/", { environment });
    expect(error).toMatchObject({ kind: "unreachable" });
    expect(JSON.stringify(error) + (error as Error).message).not.toContain("hunter2");
  });
});

describe("a private authority", () => {
  const folder = mkdtempSync(join(tmpdir(), "nacre-tls-"));
  const file = (name: string) => join(folder, name);
  const openssl = (...args: string[]) =>
    execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  const tls = () => ({
    cert: readFileSync(file("server.crt"), "utf8"),
    key: readFileSync(file("server.key"), "utf8"),
  });

  beforeAll(() => {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const root = ["-subj", "/CN=Our own authority", "-days", "2"];
    openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.crt", ...root);
    const names = "subjectAltName=IP:127.0.0.1,DNS:registry.example";
    openssl("req", ...key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=registry");
    writeFileSync(file("names"), names);
    const sign = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names"];
    openssl("x509", "-req", "-in", "server.csr", "-out", "server.crt", "-days", "2", ...sign);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("is trusted where it is named: SSL_CERT_FILE, NODE_EXTRA_CA_CERTS, certs.d", async () => {
    await using registry = await serveRegistry(new MemoryContent(), { tls: tls() });
    const url = `${registry.url}/v2/`;
    expect(await ask(url)).toMatchObject({
      kind: "unreachable",
      errno: "CERTIFICATE",
      advice: expect.stringContaining(`/etc/docker/certs.d/${registry.address}/ca.crt`),
    });
    for (const name of ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"]) {
      expect(await ask(url, { environment: { [name]: file("ca.crt") } })).toBe(200);
    }
    const own = file(join("certs.d", registry.address));
    mkdirSync(own, { recursive: true });
    writeFileSync(join(own, "ca.crt"), readFileSync(file("ca.crt")));
    expect(await ask(url, { certificatesDirectory: file("certs.d") })).toBe(200);
    expect(await ask(url, { environment: { SSL_CERT_FILE: "/nowhere" } })).toMatchObject({
      kind: "invalid",
      message: "cannot read the certificate /nowhere",
    });
  });

  it("is looked for behind a proxy, too", async () => {
    await using registry = await serveRegistry(new MemoryContent(), { tls: tls() });
    await using proxy = await startProxy(() => registry.address);
    const environment = { https_proxy: proxy.url, SSL_CERT_FILE: file("ca.crt") };
    expect(await ask("https://registry.example/v2/", { environment })).toBe(200);
    expect(proxy.seen).toEqual(["CONNECT registry.example:443"]);
    const untrusted = await ask("https://registry.example/v2/", {
      environment: { https_proxy: proxy.url },
    });
    expect(untrusted).toMatchObject({ errno: "CERTIFICATE" });
  });
});
