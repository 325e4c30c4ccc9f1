import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Registry } from "@nacre/engine/registry/registry.ts";
import { registriesView } from "@nacre/engine/sharing/view.ts";
import { LinuxClock } from "@nacre/linux/clock.ts";
import { LinuxCodec } from "@nacre/linux/codec.ts";
import { HostCredentials } from "@nacre/linux/credentials.ts";
import { LinuxFetch } from "@nacre/linux/fetch.ts";
import { MemoryContent } from "@nacre/plugin-registry/content.ts";
import { serveRegistry } from "@nacre/plugin-registry/server.ts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { contentOf, sampleImage, testCore } from "./pull-machine.ts";
import { pushRegistry } from "./push-registry.ts";

const ADA = { kind: "password", username: "ada", password: "open sesame" } as const;
let folder: string;
const fetch = new LinuxFetch({ environment: {} });
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "nacre-login-"));
});
afterAll(async () => {
  await fetch[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

function desk() {
  const credentials = new HostCredentials({ DOCKER_CONFIG: join(folder, "docker") });
  const registry = new Registry(testCore, fetch, new LinuxClock(), new LinuxCodec(), credentials);
  return registriesView(credentials, registry, { core: testCore }, () => {
    throw new Error("nothing is served here");
  });
}

it.each(["basic", "bearer"] as const)("logs in where %s is asked for, and out", async (kind) => {
  const { username, password } = ADA;
  await using registry = await serveRegistry(new MemoryContent(), {
    access: { kind, username, password },
  });
  const path = join(folder, "docker", "config.json");
  const registries = desk();
  const logged = await registries.login(`http://${registry.address}/v2/`, { credential: ADA });
  expect(logged).toEqual({ registry: registry.address, keptIn: path });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(registries.logins()).toEqual([registry.address]);
  // What else is in the file is not ours.
  writeFileSync(
    path,
    JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), detachKeys: "x" }),
  );
  expect(await registries.login(registry.address)).toEqual({ registry: registry.address });
  const wrong = { ...ADA, password: "close" };
  const refused = registries.login(registry.address, { credential: wrong });
  await expect(refused).rejects.toMatchObject({ kind: "unauthorized" });
  await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining("close") });
  expect(await registries.login(registry.address)).toBeDefined();
  expect(await registries.logout(registry.address)).toEqual({
    ...{ registry: registry.address, was: true },
  });
  expect((await registries.logout(registry.address)).was).toBe(false);
  expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ auths: {}, detachKeys: "x" });
  await expect(registries.login(registry.address)).rejects.toMatchObject({ kind: "unauthorized" });
});

it("refuses what is no registry", async () => {
  for (const text of ["no host!", ""]) {
    await expect(desk().login(text)).rejects.toMatchObject({
      kind: "invalid",
      message: `${JSON.stringify(text)} names no registry`,
    });
  }
  expect(await desk().logout(undefined)).toEqual({ registry: "docker.io", was: false });
});

it("searches a registry by its catalog, page by page, and lists tags", async () => {
  await using registry = await pushRegistry();
  const bytes = new TextEncoder().encode("{}");
  for (let i = 0; i < 1100; i++) registry.repositories.hold(`team/app${i}`, "1", "x/y", bytes);
  registry.repositories.hold("team/zebra", "3", "x/y", bytes);
  registry.repositories.hold("team/zebra", "4", "x/y", bytes);
  const found = await desk().search(`${registry.address}/zeb`);
  expect(found).toEqual([
    { name: `${registry.address}/team/zebra`, description: "", stars: 0, official: false },
  ]);
  expect(registry.requests.filter((line) => line.includes("_catalog"))).toHaveLength(2);
  expect(await desk().search(`${registry.address}/team`, { limit: 3 })).toHaveLength(3);
  expect(await desk().tags(`${registry.address}/team/zebra`)).toEqual(["3", "4"]);
});

it("says whose search is refused", async () => {
  await using registry = await pushRegistry(async () => ({ status: 401, headers: {} }));
  await expect(desk().search(`${registry.address}/x`)).rejects.toMatchObject({
    kind: "unauthorized",
    message: expect.stringContaining(`lets nobody unknown search ${registry.address} (`),
  });
});

it("says so where a registry offers no search, or answers garbage", async () => {
  await using silent = await serveRegistry(contentOf({ "1": sampleImage() }));
  await expect(desk().search(`${silent.address}/x`)).rejects.toMatchObject({
    kind: "unsupported",
  });
  await using garbage = await pushRegistry(async () => {
    return { status: 200, headers: {}, body: new TextEncoder().encode("<html>\u001b[2J") };
  });
  await expect(desk().search(`${garbage.address}/x`)).rejects.toMatchObject({ kind: "corrupt" });
});

it("asks the index where a registry has one", async () => {
  await using registry = await pushRegistry(async ({ url }) => {
    if (url.pathname !== "/v1/search") return undefined;
    const results = [
      { name: "library/x\u001b[31m", description: "a\nb", star_count: 7, is_official: true },
      { name: 5 },
      null,
    ];
    return {
      status: 200,
      headers: {},
      body: new TextEncoder().encode(JSON.stringify({ results })),
    };
  });
  expect(await desk().search(`${registry.address}/x`)).toEqual([
    { name: `${registry.address}/library/x [31m`, description: "a b", stars: 7, official: true },
  ]);
});
