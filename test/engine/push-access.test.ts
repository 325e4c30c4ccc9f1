import type { ProtocolAnswer, ProtocolRequest } from "@nacre/plugin-registry/protocol.ts";
import { serveRegistry } from "@nacre/plugin-registry/server.ts";
import { describe, expect, it } from "vitest";
import { contentOf, machine, sampleImage } from "./pull-machine.ts";
import { type PushRegistry, pushRegistry } from "./push-registry.ts";

const image = sampleImage();
const ADA = { kind: "password", username: "ada", password: "open sesame" } as const;

async function holding(target: string, credentials = {}) {
  await using registry = await serveRegistry(contentOf({ "1": image }));
  const here = machine({ credentials });
  const { reference } = await here.images.pull(`${registry.address}/team/app:1`);
  here.images.tag(reference, target);
  return here;
}

/** A registry with a token server, whose tokens say which scopes they are for. */
function guarded() {
  const tokens = new Map<string, string[]>();
  let registry: PushRegistry | undefined;
  const instead = async (request: ProtocolRequest): Promise<ProtocolAnswer | undefined> => {
    const { authorization = "" } = request.headers;
    if (request.url.pathname === "/token") {
      if (!authorization.startsWith("Basic ")) return { status: 401, headers: {} };
      const token = `t${tokens.size}`;
      tokens.set(token, request.url.searchParams.getAll("scope"));
      return json(200, { token });
    }
    if (tokens.has(authorization.replace(/^Bearer /, ""))) return undefined;
    const challenge = `Bearer realm="${registry?.url}/token",service="test"`;
    return { status: 401, headers: { "www-authenticate": challenge } };
  };
  const start = async (): Promise<PushRegistry> => {
    registry = await pushRegistry(instead);
    return registry;
  };
  return { tokens, start };
}

function json(status: number, value: object): ProtocolAnswer {
  return { status, headers: {}, body: new TextEncoder().encode(JSON.stringify(value)) };
}

describe("who may push", () => {
  it("gets a token for pulling and pushing, and one more for what is to be mounted", async () => {
    const { tokens, start } = guarded();
    await using registry = await start();
    const target = `${registry.address}/own/app:2`;
    await using here = await holding(target, { [registry.address]: ADA });
    await here.sharing.push(target);
    expect([...tokens.values()][0]).toEqual(["repository:own/app:pull,push"]);
    here.images.tag(target, `${registry.address}/second/app:1`);
    for (const [digest] of image.blobs) registry.repositories.blobs.delete(digest);
    await here.sharing.push(`${registry.address}/second/app:1`);
    expect([...tokens.values()]).toContainEqual([
      "repository:second/app:pull,push",
      "repository:own/app:pull",
    ]);
  });

  it("says that one must log in, and asks no more than once", async () => {
    await using registry = await pushRegistry(async () => ({
      status: 401,
      headers: { "www-authenticate": 'Basic realm="x"' },
    }));
    const target = `${registry.address}/own/app:2`;
    await using here = await holding(target, { [registry.address]: ADA });
    await expect(here.sharing.push(target)).rejects.toMatchObject({
      kind: "unauthorized",
      advice: expect.stringContaining(`nacre login ${registry.address}`),
    });
    expect(registry.requests.length).toBeLessThanOrEqual(4);
    await using stranger = await holding(target);
    await expect(stranger.sharing.push(target)).rejects.toMatchObject({
      message: expect.stringContaining("lets nobody unknown push"),
    });
  });

  it.each([
    ["names another host for an upload", "location"],
    ["redirects an upload to another host", "redirect"],
  ])("keeps credentials to itself where the registry %s", async (_, how) => {
    await using other = await pushRegistry();
    await using registry = await pushRegistry(async (request, usual) => {
      const { method, url, headers } = request;
      if (headers.authorization === undefined) {
        return { status: 401, headers: { "www-authenticate": 'Basic realm="x"' } };
      }
      if (method === "POST" && how === "location") {
        const response = await fetch(`${other.url}${url.pathname}`, { method: "POST" });
        const location = `${other.url}${response.headers.get("location")}`;
        return { status: 202, headers: { location } };
      }
      if (method === "POST" && how === "redirect") {
        return { status: 307, headers: { location: `${other.url}${url.pathname}` } };
      }
      return method === "HEAD" ? usual(request) : { status: 201, headers: {} };
    });
    const target = `${registry.address}/own/app:2`;
    await using here = await holding(target, { [registry.address]: ADA });
    await here.sharing.push(target).catch(() => {});
    expect(other.asked.length).toBeGreaterThan(0);
    for (const { headers } of other.asked) expect(headers.authorization).toBeUndefined();
  });

  it.each<[string, ProtocolAnswer]>([
    ["no Location", { status: 202, headers: {} }],
    ["a Location that is none", { status: 202, headers: { location: "http://" } }],
    [
      "a Location on a host that nobody must follow",
      { status: 202, headers: { location: "ftp://x/y" } },
    ],
    [
      "another status",
      { status: 418, headers: {}, body: new TextEncoder().encode("\u0000<html>") },
    ],
  ])("refuses %s for an upload", async (_, answer) => {
    await using registry = await pushRegistry(async ({ method }) =>
      method === "POST" ? answer : undefined,
    );
    const target = `${registry.address}/own/app:2`;
    await using here = await holding(target);
    const error = await here.sharing.push(target).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: "NacreError" });
    expect((error as Error).message).not.toMatch(/[\u0000<]/);
  });
});
