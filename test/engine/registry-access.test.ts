import type { Credential } from "@nacre/core/ports/credential-store.ts";
import type { Access } from "@nacre/plugin-registry/access.ts";
import { type ServeOptions, serveRegistry } from "@nacre/plugin-registry/server.ts";
import { describe, expect, it } from "vitest";
import { contentOf, machine, sampleImage } from "./pull-machine.ts";

const image = sampleImage({ sizeBytes: 1000 });
const ada: Credential = { kind: "password", username: "ada", password: "pässwörd:1" };
const basicAccess: Access = { kind: "basic", username: "ada", password: "pässwörd:1" };

async function pull(options: ServeOptions, credential?: Credential) {
  await using registry = await serveRegistry(contentOf({ "1": image }), options);
  const credentials = credential ? { [registry.address]: credential } : {};
  await using here = machine({ credentials });
  const outcome = await here.images.pull(`${registry.address}/team/app:1`).then(
    (pulled) => pulled.image.id,
    (error) => error,
  );
  return { outcome, requests: registry.requests, here, files: here.files() };
}

describe("access to a registry", () => {
  it("is by Basic with stored credentials", async () => {
    const { outcome, requests } = await pull({ access: basicAccess }, ada);
    expect(outcome).toBe(image.id);
    // One challenge; after that the answer goes with every request.
    expect(requests.filter(({ status }) => status === 401)).toHaveLength(2);
  });

  it("is by an anonymous token, asked for once for all layers", async () => {
    const { outcome, requests } = await pull({ access: { kind: "bearer", anonymous: true } });
    expect(outcome).toBe(image.id);
    expect(requests.filter(({ path }) => path.startsWith("/token"))).toHaveLength(1);
  });

  it("is by a token for user and password, which go to the token's server alone", async () => {
    const access: Access = { kind: "bearer", username: "ada", password: "pässwörd:1" };
    const { outcome, requests } = await pull({ access }, ada);
    expect(outcome).toBe(image.id);
    const basic = requests.filter(({ authorization }) => authorization?.startsWith("Basic"));
    expect(basic).toHaveLength(1);
    expect(basic[0]?.path).toMatch(/^\/token\?.*scope=repository%3Ateam%2Fapp%3Apull.*account=ada/);
  });

  it("is by an identity token, exchanged by POST", async () => {
    const access: Access = { kind: "bearer", identityToken: "refresh me" };
    const { outcome, requests } = await pull(
      { access },
      { kind: "identity-token", token: "refresh me" },
    );
    expect(outcome).toBe(image.id);
    const [exchange] = requests.filter(({ path }) => path.startsWith("/token"));
    expect(exchange).toMatchObject({ method: "POST", path: "/token", authorization: undefined });
  });

  it("is renewed when a token's life is over", async () => {
    const access: Access = { kind: "bearer", anonymous: true, lifetimeS: 0.5 };
    const { outcome } = await pull({ access });
    expect(outcome).toBe(image.id);
  });

  it("is refused with one clear message for wrong credentials, without a trace of them", async () => {
    const wrong: Credential = { kind: "password", username: "ada", password: "not-this-one" };
    for (const access of [basicAccess, { ...basicAccess, kind: "bearer" } as Access]) {
      const { outcome, files } = await pull({ access }, wrong);
      expect(outcome).toMatchObject({ kind: "unauthorized" });
      expect(outcome.message).toMatch(/refuses the stored credentials for 127\.0\.0\.1:\d+\/team/);
      expect(outcome.advice).toMatch(/nacre login/);
      const everything = JSON.stringify([outcome, outcome.message, outcome.stack]);
      expect(everything).not.toMatch(/not-this-one|bm90LXRoaXMtb25l/);
      expect(files).toEqual({});
    }
  });

  it("says that an image may be private where there are no credentials", async () => {
    const { outcome } = await pull({ access: basicAccess });
    expect(outcome).toMatchObject({ kind: "unauthorized" });
    expect(outcome.advice).toMatch(/may not exist, or be private/);
  });

  it("does not go in circles with a registry that accepts no token", async () => {
    const { outcome, requests } = await pull({
      access: { kind: "bearer", anonymous: true, never: true },
    });
    expect(outcome).toMatchObject({ kind: "unauthorized" });
    expect(requests.length).toBeLessThan(6);
  });

  it("asks no token's server that could be anybody", async () => {
    for (const realm of [
      "http://tokens.example/token",
      "ftp://x",
      "nonsense",
      "file:///etc/passwd",
    ]) {
      const access: Access = { kind: "bearer", username: "ada", password: "x", realm };
      const { outcome } = await pull({ access }, ada);
      expect(outcome).toMatchObject({ kind: "unauthorized" });
      expect(outcome.message).toMatch(/not a safe place to ask/);
    }
  });

  it("takes no token that would break a header", async () => {
    await using registry = await serveRegistry(contentOf({ "1": image }), {
      access: { kind: "bearer", anonymous: true },
      faults: [{ on: "token", do: "status", status: 500, times: 2 }],
    });
    await using here = machine();
    await here.images.pull(`${registry.address}/team/app:1`);
    expect(here.clock.sleptMs).toEqual([250, 500]);
  });
});
