import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FetchRequest } from "@nacre/core/ports/fetch.ts";
import { type FetchOptions, UndiciFetch } from "@nacre/linux/fetch.ts";
import { MemoryContent } from "@nacre/plugin-registry/content.ts";
import { serveRegistry } from "@nacre/plugin-registry/server.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const get = (url: string, more: Partial<FetchRequest> = {}): FetchRequest => ({
  method: "GET",
  url,
  headers: {},
  ...more,
});

/** The status of one exchange by a client of its own, or the error. */
async function ask(url: string, options: Partial<FetchOptions> = {}) {
  await using client = new UndiciFetch({ environment: {}, ...options });
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
    await using client = new UndiciFetch({ environment: {} });
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
    await using client = new UndiciFetch({ environment: {} });
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
