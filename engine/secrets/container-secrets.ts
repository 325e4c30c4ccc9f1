// Secrets of a container: which it gets, and its own copies of them, which outlive those that they
// were made of.

import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { SecretRequest } from "@nacre/core/program/request.ts";
import type { ContainerSecret, SecretRecord } from "@nacre/core/state/records.ts";
import type { StatePaths } from "../images/paths.ts";
import type { SecretStore } from "./secret-store.ts";

const DEFAULT_MODE = 0o444;
const MOST_MODE = 0o7777;
const MOST_ID = 2 ** 32 - 2;

export class ContainerSecrets {
  readonly #store: SecretStore;
  readonly #files: Files;
  readonly #paths: StatePaths;

  constructor(store: SecretStore, files: Files, paths: StatePaths) {
    this.#store = store;
    this.#files = files;
    this.#paths = paths;
  }

  /** What is asked for, as it is now. NacreError `not-found`, `invalid`. */
  chosen(requests: readonly SecretRequest[]): ContainerSecret[] {
    const chosen = requests.map((request) => {
      const secret = this.#store.get(request.source);
      if (request.type === "env") checkText(secret, this.#store.data(secret));
      return chosenAs(secret, request);
    });
    // The last one of a place counts, as with options.
    const places = new Map(chosen.map((one) => [`${one.type} ${one.target}`, one]));
    return [...places.values()];
  }

  /** Makes the copies that are not there. NacreError `not-found` where a secret is gone that one was to be made of. */
  copy(containerId: string, secrets: readonly ContainerSecret[]): void {
    const { secrets: directory } = this.#paths.container(containerId);
    for (const [index, { id, name }] of secrets.entries()) {
      const copy = `${directory}/${index}`;
      if (this.#files.status(copy)) continue;
      const secret = this.#store.get(name);
      if (secret.id !== id) throw gone(name);
      this.#files.makeDirectory(directory);
      this.#files.replace(copy, this.#store.data(secret));
    }
  }
}

const gone = (name: string): NacreError =>
  new NacreError("not-found", `the container has no copy of the secret ${name}, which is gone`, {
    advice: "Make the container anew.",
  });

function chosenAs({ id, name, sizeBytes }: SecretRecord, request: SecretRequest): ContainerSecret {
  const { type, target = name, uid = 0, gid = 0, mode = DEFAULT_MODE } = request;
  const refuse = (what: string): never => {
    throw new NacreError("invalid", `--secret ${name}: ${what}`);
  };
  if (type === "env") {
    if (target === "" || /[=\0]/.test(target)) refuse(`${target} cannot be the name of a variable`);
    if ([request.uid, request.gid, request.mode].some((one) => one !== undefined)) {
      refuse("UID, GID, Mode options cannot be set with secret type env");
    }
  } else if (target === "" || target.split("/").includes("..") || target.endsWith("/")) {
    refuse(`${JSON.stringify(target)} cannot be the path of a file`);
  }
  const isId = (id: number): boolean => Number.isInteger(id) && id >= 0 && id <= MOST_ID;
  if (!isId(uid)) refuse(`UID ${uid} invalid`);
  if (!isId(gid)) refuse(`GID ${gid} invalid`);
  if (!(Number.isInteger(mode) && mode >= 0 && mode <= MOST_MODE)) refuse(`mode ${mode} invalid`);
  return { id, name, sizeBytes, type, target, uid, gid, mode };
}

/** A variable is text that ends with a zero. */
function checkText({ name }: SecretRecord, data: Uint8Array): void {
  try {
    if (!new TextDecoder("utf-8", { fatal: true }).decode(data).includes("\0")) return;
  } catch {
    // no UTF-8
  }
  throw new NacreError("invalid", `the secret ${name} cannot be a variable: it is no text`, {
    advice: "Give it to the container as a file: leave type=env out.",
  });
}
