// Credentials as docker and podman keep them.
//
//   $DOCKER_CONFIG/config.json, else ~/.docker/config.json
//     {"auths": {"registry.example": {"auth": base64("user:password")}}}
//     {"credHelpers": {"registry.example": "NAME"}, "credsStore": "NAME"}
//   $REGISTRY_AUTH_FILE, else $XDG_RUNTIME_DIR/containers/auth.json (podman, skopeo, buildah)
//
// NAME stands for the program docker-credential-NAME on PATH. `docker-credential-NAME get` reads
// the server's name on its standard input and prints {"Username", "Secret"}; the user name <token>
// says that the secret is an identity token. Secrets go through pipes only: no argument, no
// environment, no error message ever holds one.

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { NacreError } from "@nacre/core/error.ts";
import type { Credential, CredentialStore } from "@nacre/core/ports/credential-store.ts";

const HELPER_TIMEOUT_MS = 30_000;
const HELPER_OUTPUT_LIMIT_BYTES = 1 << 20;
/** Under which name docker keeps the credentials of docker.io. */
const DOCKER_HUB = "https://index.docker.io/v1/";
/** What a helper may need to find its own store; nothing else of ours goes to it. */
const HELPER_ENVIRONMENT = [
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "LANG",
  "XDG_RUNTIME_DIR",
  "XDG_CONFIG_HOME",
  "XDG_DATA_HOME",
  "DBUS_SESSION_BUS_ADDRESS",
  "DISPLAY",
  "WAYLAND_DISPLAY",
  "GNUPGHOME",
  "GPG_TTY",
  "PASSWORD_STORE_DIR",
];

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
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(helper)) {
      throw new NacreError("invalid", `${JSON.stringify(helper)} cannot be a credential helper`, {
        advice:
          "In config.json, credsStore and credHelpers name helpers as in docker-credential-NAME.",
      });
    }
    const program = `docker-credential-${helper}`;
    const child = spawn(program, ["get"], {
      env: pick(this.#environment, HELPER_ENVIRONMENT),
      stdio: ["pipe", "pipe", "ignore"],
      timeout: HELPER_TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    const { code, output } = await finish(child, program, server);
    if (code !== 0) {
      if (/credentials not found|no credentials/i.test(output)) return undefined;
      throw helperFailed(program, server, `it ended with status ${code}`);
    }
    let answer: { Username?: unknown; Secret?: unknown } | null = null;
    try {
      answer = JSON.parse(output);
    } catch {
      throw helperFailed(program, server, "its answer is not JSON");
    }
    const { Username: username, Secret: secret } = answer ?? {};
    if (typeof username !== "string" || typeof secret !== "string") {
      throw helperFailed(program, server, "its answer has no user name and secret");
    }
    if (secret === "") return undefined;
    if (username === "<token>") return { kind: "identity-token", token: secret };
    return { kind: "password", username, password: secret };
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

function pick(
  environment: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = environment[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function finish(
  child: ChildProcess,
  program: string,
  server: string,
): Promise<{ readonly code: number | null; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    child.stdout?.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > HELPER_OUTPUT_LIMIT_BYTES) child.kill("SIGKILL");
      else chunks.push(chunk);
    });
    child.on("error", (error: NodeJS.ErrnoException) => {
      const reason = error.code === "ENOENT" ? "it is not on PATH" : (error.code ?? "it broke");
      reject(helperFailed(program, server, reason));
    });
    child.on("close", (code) => {
      resolve({ code, output: Buffer.concat(chunks).toString("utf8") });
    });
    // A helper that does not read its input is judged by its answer.
    child.stdin?.on("error", () => {});
    child.stdin?.end(`${server}\n`);
  });
}

function helperFailed(program: string, server: string, reason: string): NacreError {
  return new NacreError("invalid", `${program} gave no credentials for ${server}: ${reason}`, {
    advice: "Check credsStore and credHelpers in docker's config.json.",
  });
}
