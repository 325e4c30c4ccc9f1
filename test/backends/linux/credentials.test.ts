import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HostCredentials } from "@nacre/linux/credentials.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nacre-credentials-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const base64 = (text: string) => Buffer.from(text).toString("base64");
const path = () => `${folder}:/usr/bin:/bin`;

/** Looks a registry up with this config.json. */
function find(registry: string, config: unknown, environment: Record<string, string> = {}) {
  const text = typeof config === "string" ? config : JSON.stringify(config);
  writeFileSync(join(folder, "config.json"), text);
  return new HostCredentials({ DOCKER_CONFIG: folder, PATH: path(), ...environment }).find(
    registry,
  );
}

/** A credential helper that does what the shell script says. */
function helper(name: string, script: string): void {
  const file = join(folder, `docker-credential-${name}`);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

describe("stored credentials", () => {
  it("are found in docker's config.json, whatever way the registry is spelt there", async () => {
    const auth = base64("ada:pass:word");
    const ada = { kind: "password", username: "ada", password: "pass:word" };
    for (const key of ["r.example:5000", "https://r.example:5000", "http://r.example:5000/v2/"]) {
      expect(await find("r.example:5000", { auths: { [key]: { auth } } })).toEqual(ada);
    }
    expect(await find("docker.io", { auths: { "https://index.docker.io/v1/": { auth } } })).toEqual(
      ada,
    );
    expect(await find("r.example", { auths: { "r.example:5000": { auth } } })).toBeUndefined();
    expect(await find("r.example", { auths: { "r.example": {} } })).toBeUndefined();
    expect(await find("r.example", {})).toBeUndefined();
  });

  it("may be an identity token", async () => {
    const stored = { auth: base64("x:"), identitytoken: "refresh" };
    expect(await find("r.example", { auths: { "r.example": stored } })).toEqual({
      kind: "identity-token",
      token: "refresh",
    });
  });

  it("are found where podman keeps them, after docker's", async () => {
    const file = join(folder, "auth.json");
    writeFileSync(file, JSON.stringify({ auths: { "r.example": { auth: base64("bo:b") } } }));
    const environment = { REGISTRY_AUTH_FILE: file };
    expect(await find("r.example", {}, environment)).toMatchObject({ username: "bo" });
    const docker = { auths: { "r.example": { auth: base64("ada:a") } } };
    expect(await find("r.example", docker, environment)).toMatchObject({ username: "ada" });
  });

  it("that cannot be read are an error that holds no secret", async () => {
    for (const config of ["{", "[", '"x"', `{"auths": {"r.example": {"auth": "c2VjcmV0"}}`]) {
      const error = await find("r.example", config).catch((e: unknown) => e);
      expect(error).toMatchObject({ kind: "invalid" });
      expect(String(error)).not.toMatch(/c2VjcmV0|secret/);
    }
    const bad = { auths: { "r.example": { auth: base64("secret") } } };
    const error = await find("r.example", bad).catch((e: unknown) => e);
    expect(String(error)).toMatch(/no USER:PASSWORD/);
    expect(String(error)).not.toContain("secret");
  });

  it("do not come from the prototype of an object", async () => {
    expect(await find("constructor", { credHelpers: {}, auths: {} })).toBeUndefined();
    expect(await find("__proto__", { credHelpers: {} })).toBeUndefined();
  });
});

describe("a credential helper", () => {
  it("gets the server on its input, and little of our environment", async () => {
    helper(
      "one",
      `cat > ${folder}/asked; env > ${folder}/env; echo "$@" > ${folder}/arguments
      echo '{"Username":"ada","Secret":"s3cret"}'`,
    );
    const config = { credHelpers: { "r.example": "one" }, credsStore: "absent" };
    const environment = { AWS_SECRET: "x", LD_PRELOAD: "/evil.so", HOME: "/home/ada" };
    expect(await find("r.example", config, environment)).toEqual({
      kind: "password",
      username: "ada",
      password: "s3cret",
    });
    expect(readFileSync(join(folder, "asked"), "utf8")).toBe("r.example\n");
    expect(readFileSync(join(folder, "arguments"), "utf8")).toBe("get\n");
    const seen = readFileSync(join(folder, "env"), "utf8");
    expect(seen).toMatch(/^HOME=\/home\/ada$/m);
    expect(seen).not.toMatch(/AWS_SECRET|LD_PRELOAD/);
  });

  it("may give an identity token, or nothing", async () => {
    helper("store", `echo '{"Username":"<token>","Secret":"refresh"}'`);
    expect(await find("r.example", { credsStore: "store" })).toEqual({
      kind: "identity-token",
      token: "refresh",
    });
    helper("store", "echo 'credentials not found in native keychain'; exit 1");
    const auths = { "r.example": { auth: base64("ada:a") } };
    expect(await find("r.example", { credsStore: "store", auths })).toMatchObject({
      username: "ada",
    });
  });

  it("that fails, is missing or talks nonsense is named, its words are not repeated", async () => {
    helper("broken", "echo 's3cret is locked'; exit 3");
    helper("odd", "echo s3cret");
    helper("half", `echo '{"Username":"s3cret"}'`);
    helper("loud", "head -c 3000000 /dev/zero");
    for (const name of ["broken", "odd", "half", "loud", "missing"]) {
      const error = await find("r.example", { credsStore: name }).catch((e: unknown) => e);
      expect(error).toMatchObject({ kind: "invalid" });
      expect(String(error)).toContain(`docker-credential-${name} gave no credentials`);
      expect(String(error) + JSON.stringify(error)).not.toContain("s3cret");
    }
  });

  it("is not started by a name that is a path, an option or a command", async () => {
    for (const name of ["../x", "a/b", "-x", "a b", "a;b", "", "."].filter((n) => n !== "")) {
      await expect(find("r.example", { credsStore: name })).rejects.toMatchObject({
        kind: "invalid",
        message: expect.stringMatching(/cannot be a credential helper/),
      });
    }
  });
});

describe("keeping credentials", () => {
  const ADA = { kind: "password", username: "ada", password: "pass:word" } as const;
  const config = () => JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
  const store = () => new HostCredentials({ DOCKER_CONFIG: folder, PATH: path() });

  it("hands them to the registry's helper through a pipe, and to no file", async () => {
    helper("keep", `echo "$@" >>${folder}/words; cat >>${folder}/input; echo '{}'`);
    writeFileSync(
      join(folder, "config.json"),
      JSON.stringify({ credHelpers: { "r.example": "keep" }, other: { a: 1 } }),
    );
    expect(await store().store("r.example", ADA)).toBe("docker-credential-keep");
    expect(readFileSync(join(folder, "words"), "utf8")).toBe("store\n");
    expect(JSON.parse(readFileSync(join(folder, "input"), "utf8"))).toEqual({
      ServerURL: "r.example",
      Username: "ada",
      Secret: "pass:word",
    });
    expect(JSON.stringify(config())).not.toMatch(/pass|YWRh/);
    expect(await store().erase("r.example")).toBe(true);
    expect(readFileSync(join(folder, "words"), "utf8")).toBe("store\nerase\n");
  });

  it("lists in the file who is in the store of all registries, as docker does", async () => {
    helper("all", "cat >/dev/null");
    writeFileSync(join(folder, "config.json"), JSON.stringify({ credsStore: "all" }));
    await store().store("docker.io", ADA);
    expect(config()).toEqual({ credsStore: "all", auths: { "https://index.docker.io/v1/": {} } });
    expect(store().list()).toEqual(["docker.io"]);
  });

  it("says when a helper fails, without the secret", async () => {
    helper("bad", "cat; exit 1");
    writeFileSync(join(folder, "config.json"), JSON.stringify({ credsStore: "bad" }));
    const failed = await store()
      .store("r.example", ADA)
      .catch((error: unknown) => error as Error);
    expect(failed).toMatchObject({ kind: "invalid" });
    expect(String((failed as Error).message)).not.toContain("pass");
  });

  it("keeps a symlink one, and the file for its owner alone", async () => {
    const real = join(folder, "real.json");
    writeFileSync(real, "{}", { mode: 0o644 });
    symlinkSync(real, join(folder, "config.json"));
    await store().store("r.example", ADA);
    expect(lstatSync(join(folder, "config.json")).isSymbolicLink()).toBe(true);
    expect(statSync(real).mode & 0o777).toBe(0o600);
    expect(await store().find("r.example")).toEqual(ADA);
  });

  it("does not touch a file that it cannot read", async () => {
    writeFileSync(join(folder, "config.json"), "{ not JSON");
    await expect(store().store("r.example", ADA)).rejects.toMatchObject({ kind: "invalid" });
    expect(readFileSync(join(folder, "config.json"), "utf8")).toBe("{ not JSON");
  });
});
