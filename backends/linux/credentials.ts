// Credentials as docker and podman keep them.
//
//   $DOCKER_CONFIG/config.json, else ~/.docker/config.json
//     {"auths": {"registry.example": {"auth": base64("user:password")}}}
//     {"credHelpers": {"registry.example": "NAME"}, "credsStore": "NAME"}
//   $REGISTRY_AUTH_FILE, else $XDG_RUNTIME_DIR/containers/auth.json (podman, skopeo, buildah)
//
// NAME stands for the program docker-credential-NAME (credential-helper.ts). What is logged in to is
// kept where it would be found first: by the registry's helper, else in $REGISTRY_AUTH_FILE if that
// is set, else in docker's config.json. These files have the mode 0600, and are never written in
// part; what else is in them stays.

import {
  chmodSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { NacreError } from "@nacre/core/error.ts";
import type { Credential, CredentialStore } from "@nacre/core/ports/credential-store.ts";
import { CredentialHelper } from "./credential-helper.ts";

/** Under which name docker keeps the credentials of docker.io. */
const DOCKER_HUB = "https://index.docker.io/v1/";

interface StoredAuth {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
}

interface AuthFile {
  readonly auths?: Readonly<Record<string, StoredAuth | null>>;
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly credsStore?: string;
}

export class HostCredentials implements CredentialStore {
  readonly #environment: Readonly<Record<string, string | undefined>>;

  constructor(environment: Readonly<Record<string, string | undefined>>) {
    this.#environment = environment;
  }

  async find(registry: string): Promise<Credential | undefined> {
    for (const path of this.#files()) {
      const file = readAuthFile(path);
      const found = file && (await this.#findIn(file, registry, path));
      if (found) return found;
    }
    return undefined;
  }

  #files(): string[] {
    const { DOCKER_CONFIG, HOME, REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR } = this.#environment;
    const docker = DOCKER_CONFIG || (HOME && `${HOME}/.docker`);
    const podman =
      REGISTRY_AUTH_FILE || (XDG_RUNTIME_DIR && `${XDG_RUNTIME_DIR}/containers/auth.json`);
    return [docker && `${docker}/config.json`, podman].filter(
      (path) => path !== undefined,
    ) as string[];
  }

  async #findIn(file: AuthFile, registry: string, path: string): Promise<Credential | undefined> {
    const names = registry === "docker.io" ? [DOCKER_HUB, registry] : [registry];
    for (const name of names) {
      const own = file.credHelpers && Object.hasOwn(file.credHelpers, name);
      const helper = own ? file.credHelpers?.[name] : undefined;
      if (helper) return this.#ask(helper, name);
    }
    if (file.credsStore) {
      for (const name of names) {
        const found = await this.#ask(file.credsStore, name);
        if (found) return found;
      }
    }
    for (const [key, stored] of Object.entries(file.auths ?? {})) {
      if (!stored || !names.some((name) => name === key || hostOf(key) === name)) continue;
      const credential = decode(stored, key, path);
      if (credential) return credential;
    }
    return undefined;
  }

  async #ask(helper: string, server: string): Promise<Credential | undefined> {
    return new CredentialHelper(helper, this.#environment).get(server);
  }

  // -- writing ----------------------------------------------------------------------------------

  async store(registry: string, credential: Credential): Promise<string> {
    const path = this.#own();
    const file = readAuthFile(path) ?? {};
    const name = nameOf(registry);
    const helper = helperOf(file, name);
    if (helper !== undefined) {
      await new CredentialHelper(helper, this.#environment).store(name, credential);
      // Docker lists there who is logged in where.
      if (!file.credHelpers?.[name]) write(path, withAuth(file, name, {}));
      return `docker-credential-${helper}`;
    }
    write(path, withAuth(file, name, encode(credential)));
    return path;
  }

  async erase(registry: string): Promise<boolean> {
    let erased = false;
    const name = nameOf(registry);
    for (const path of this.#files()) {
      const file = readAuthFile(path);
      if (!file) continue;
      const helper = helperOf(file, name);
      if (helper !== undefined) {
        const keeper = new CredentialHelper(helper, this.#environment);
        if (await keeper.erase(name)) erased = true;
      }
      const auths = Object.entries(file.auths ?? {});
      const left = auths.filter(([key]) => key !== name && hostOf(key) !== registry);
      if (left.length === auths.length) continue;
      write(path, { ...file, auths: Object.fromEntries(left) });
      erased = true;
    }
    return erased;
  }

  list(): string[] {
    const names = this.#files().flatMap((path) => Object.keys(readAuthFile(path)?.auths ?? {}));
    return [...new Set(names.map((name) => (name === DOCKER_HUB ? "docker.io" : hostOf(name))))];
  }

  /** Where what is logged in to is kept. NacreError `invalid` without a home. */
  #own(): string {
    const { REGISTRY_AUTH_FILE } = this.#environment;
    const path = REGISTRY_AUTH_FILE || this.#files()[0];
    if (path) return path;
    throw new NacreError("invalid", "there is no place for credentials", {
      advice: "Set HOME, DOCKER_CONFIG or REGISTRY_AUTH_FILE.",
    });
  }
}

const nameOf = (registry: string): string => (registry === "docker.io" ? DOCKER_HUB : registry);

function helperOf(file: AuthFile, name: string): string | undefined {
  const own = file.credHelpers && Object.hasOwn(file.credHelpers, name);
  return (own ? file.credHelpers?.[name] : undefined) || file.credsStore || undefined;
}

function withAuth(file: AuthFile, name: string, auth: StoredAuth): AuthFile {
  return { ...file, auths: { ...file.auths, [name]: auth } };
}

function encode(credential: Credential): StoredAuth {
  const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64");
  if (credential.kind === "identity-token") return { identitytoken: credential.token };
  return { auth: base64(`${credential.username}:${credential.password}`) };
}

/** The whole file under its name at once, for nobody else to read. */
function write(path: string, file: AuthFile): void {
  const failed = (cause: unknown): NacreError =>
    new NacreError("denied", `cannot write the credentials in ${path}`, {
      advice: "Check who may write the file and its directory.",
      cause,
    });
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const target = realPath(path);
    const own = `${target}.${process.pid}.tmp`;
    writeFileSync(own, `${JSON.stringify(file, null, "\t")}\n`, { mode: 0o600 });
    chmodSync(own, 0o600);
    renameSync(own, target);
  } catch (error) {
    throw failed(error);
  }
}

/** Of a symlink what it leads to, so that it stays one. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function readAuthFile(path: string): AuthFile | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new NacreError("invalid", `cannot read the credentials in ${path}`, {
      advice: "Check who may read the file.",
      cause,
    });
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as AuthFile;
  } catch {
    // No cause: a parser's message quotes the text, which holds secrets.
  }
  throw new NacreError("invalid", `${path} is not a JSON object`, {
    advice: "Correct or remove it, then log in again with nacre login.",
  });
}

/** `https://host/v1/` and `host/v2/` are old spellings of `host`. */
function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, "").replace(/\/(v1|v2)?\/?$/, "");
}

function decode(stored: StoredAuth, key: string, path: string): Credential | undefined {
  if (stored.identitytoken) return { kind: "identity-token", token: stored.identitytoken };
  if (stored.username && stored.password !== undefined) {
    return { kind: "password", username: stored.username, password: stored.password };
  }
  if (!stored.auth) return undefined;
  const text = Buffer.from(stored.auth, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon <= 0) {
    throw new NacreError("invalid", `the entry for ${key} in ${path} is no USER:PASSWORD`, {
      advice: `Log in again: nacre login ${hostOf(key)}`,
    });
  }
  // Docker's own reader drops trailing zero bytes.
  const password = text.slice(colon + 1).replace(/\0+$/, "");
  return { kind: "password", username: text.slice(0, colon), password };
}
