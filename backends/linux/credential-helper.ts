// Programs that keep credentials: docker-credential-NAME on PATH, as docker and podman call them.
//
//   get     the server's name on standard input, {"Username", "Secret"} on standard output
//   store   {"ServerURL", "Username", "Secret"} on standard input
//   erase   the server's name on standard input
//
// The user name <token> says that the secret is an identity token. Secrets go through pipes only:
// no argument, no environment, no error message ever holds one.

import { type ChildProcess, spawn } from "node:child_process";
import { NacreError } from "@nacre/core/error.ts";
import type { Credential } from "@nacre/core/ports/credential-store.ts";

const TIMEOUT_MS = 30_000;
const OUTPUT_LIMIT_BYTES = 1 << 20;
const TOKEN_USER = "<token>";
/** What a helper may need to find its own store; nothing else of ours goes to it. */
const ENVIRONMENT = [
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

export class CredentialHelper {
  readonly #program: string;
  readonly #environment: Readonly<Record<string, string | undefined>>;

  /** NacreError `invalid` for a name that is none. */
  constructor(name: string, environment: Readonly<Record<string, string | undefined>>) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) {
      throw new NacreError("invalid", `${JSON.stringify(name)} cannot be a credential helper`, {
        advice:
          "In config.json, credsStore and credHelpers name helpers as in docker-credential-NAME.",
      });
    }
    this.#program = `docker-credential-${name}`;
    this.#environment = environment;
  }

  async get(server: string): Promise<Credential | undefined> {
    const { code, output } = await this.#run("get", server, `${server}\n`);
    if (code !== 0) {
      if (isAbsent(output)) return undefined;
      throw this.#failed("get", server, `it ended with status ${code}`);
    }
    let answer: { Username?: unknown; Secret?: unknown } | null = null;
    try {
      answer = JSON.parse(output);
    } catch {
      throw this.#failed("get", server, "its answer is not JSON");
    }
    const { Username: username, Secret: secret } = answer ?? {};
    if (typeof username !== "string" || typeof secret !== "string") {
      throw this.#failed("get", server, "its answer has no user name and secret");
    }
    if (secret === "") return undefined;
    if (username === TOKEN_USER) return { kind: "identity-token", token: secret };
    return { kind: "password", username, password: secret };
  }

  async store(server: string, credential: Credential): Promise<void> {
    const [Username, Secret] =
      credential.kind === "password"
        ? [credential.username, credential.password]
        : [TOKEN_USER, credential.token];
    const input = JSON.stringify({ ServerURL: server, Username, Secret });
    const { code } = await this.#run("store", server, input);
    if (code !== 0) throw this.#failed("store", server, `it ended with status ${code}`);
  }

  /** Whether there was something to erase. */
  async erase(server: string): Promise<boolean> {
    const { code, output } = await this.#run("erase", server, `${server}\n`);
    if (code !== 0 && !isAbsent(output)) {
      throw this.#failed("erase", server, `it ended with status ${code}`);
    }
    return code === 0;
  }

  #run(action: string, server: string, input: string) {
    const child = spawn(this.#program, [action], {
      env: pick(this.#environment, ENVIRONMENT),
      stdio: ["pipe", "pipe", "ignore"],
      timeout: TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    return finish(child, input, (reason) => this.#failed(action, server, reason));
  }

  #failed(action: string, server: string, reason: string): NacreError {
    const what = {
      get: `gave no credentials for ${server}`,
      store: `did not keep the credentials for ${server}`,
      erase: `did not forget the credentials for ${server}`,
    }[action];
    return new NacreError("invalid", `${this.#program} ${what}: ${reason}`, {
      advice: "Check credsStore and credHelpers in docker's config.json.",
    });
  }
}

const isAbsent = (output: string): boolean => /credentials not found|no credentials/i.test(output);

function finish(
  child: ChildProcess,
  input: string,
  failed: (reason: string) => NacreError,
): Promise<{ readonly code: number | null; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    child.stdout?.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > OUTPUT_LIMIT_BYTES) child.kill("SIGKILL");
      else chunks.push(chunk);
    });
    child.on("error", (error: NodeJS.ErrnoException) => {
      reject(failed(error.code === "ENOENT" ? "it is not on PATH" : (error.code ?? "it broke")));
    });
    child.on("close", (code) => {
      resolve({ code, output: Buffer.concat(chunks).toString("utf8") });
    });
    // A helper that does not read its input is judged by its answer.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  });
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
