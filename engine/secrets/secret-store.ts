// Secrets: a record each, and a file that only its owner reads. A file is written and looked for in
// the transaction that changes its record, so that one without a record is what a killed process
// left; the next change removes it.

import { NacreError } from "@nacre/core/error.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Random } from "@nacre/core/ports/random.ts";
import type { StateStore, Transaction } from "@nacre/core/ports/state-store.ts";
import { randomHex } from "@nacre/core/random-hex.ts";
import type { SecretRecord } from "@nacre/core/state/records.ts";
import type { NewSecretOptions, SecretFilters, Secrets } from "../engine.ts";
import { allHold, checkFilterKeys } from "../filters.ts";
import type { StatePaths } from "../images/paths.ts";

/** podman's limits. */
const LIMIT_BYTES = 512_000;
const NAME = /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?$/;
const ID_DIGITS = 25;

export class SecretStore implements Secrets {
  readonly #files: Files;
  readonly #state: StateStore;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #paths: StatePaths;

  constructor(files: Files, state: StateStore, clock: Clock, random: Random, paths: StatePaths) {
    this.#files = files;
    this.#state = state;
    this.#clock = clock;
    this.#random = random;
    this.#paths = paths;
  }

  create(
    name: string,
    data: Uint8Array,
    { labels = {}, replace = false }: NewSecretOptions = {},
  ): SecretRecord {
    checkName(name);
    if (data.length === 0 || data.length >= LIMIT_BYTES) {
      throw new NacreError(
        "invalid",
        `secret data must be larger than 0 and less than ${LIMIT_BYTES} bytes: ${name} has ${data.length}`,
      );
    }
    const id = randomHex(this.#random, Math.ceil(ID_DIGITS / 2)).slice(0, ID_DIGITS);
    const createdMs = this.#clock.nowMs();
    const record: SecretRecord = { id, name, labels, sizeBytes: data.length, createdMs };
    let before: SecretRecord | undefined;
    this.#change((t) => {
      this.#sweep(t);
      before = t.get("secret", name);
      if (before && !replace) {
        throw new NacreError("exists", `${name}: secret name in use`, {
          advice: `Remove it first (nacre secret rm ${name}), give --replace, or choose another name.`,
        });
      }
      this.#files.makeDirectory(this.#paths.secrets);
      this.#files.replace(this.#paths.secret(id), data);
      t.put("secret", name, record);
    });
    // As of a removal.
    if (before) this.#change((t) => this.#sweep(t));
    return record;
  }

  list(filters: SecretFilters = {}): SecretRecord[] {
    checkFilterKeys(filters, ["id", "name"]);
    return this.#state
      .read((t) => t.list("secret"))
      .filter(({ id, name }) =>
        allHold(
          { id: (value) => id.startsWith(value), name: (value) => name.includes(value) },
          filters,
        ),
      );
  }

  get(secret: string): SecretRecord {
    return this.#state.read((t) => found(t, secret));
  }

  remove(secret: string): SecretRecord {
    const removed = this.#change((t) => {
      const record = found(t, secret);
      t.delete("secret", record.name);
      return record;
    });
    // Not before: where this ends in between, there is a file without a record, and not a record without one.
    this.#change((t) => this.#sweep(t));
    return removed;
  }

  /** What it says. NacreError `corrupt` where a machine that went down has lost that. */
  data({ id, name, sizeBytes }: SecretRecord): Uint8Array {
    const path = this.#paths.secret(id);
    const bytes = this.#files.status(path) ? this.#files.readBytes(path) : new Uint8Array();
    if (bytes.length === sizeBytes) return bytes;
    throw new NacreError("corrupt", `what the secret ${name} says is lost`, {
      advice: `Remove it (nacre secret rm ${name}), and create it anew.`,
    });
  }

  /** On the disk when it returns: a secret that was removed does not come back with the machine. */
  #change<T>(work: (t: Transaction) => T): T {
    return this.#state.write(work, { durable: true });
  }

  #sweep(t: Transaction): void {
    const known = new Set(t.list("secret").map(({ id }) => id));
    for (const name of this.#files.list(this.#paths.secrets)) {
      if (!known.has(name)) this.#files.remove(this.#paths.secret(name));
    }
  }
}

function checkName(name: string): void {
  if (NAME.test(name)) return;
  throw new NacreError("invalid", `invalid secret name ${JSON.stringify(name)}`, {
    advice:
      "1 to 64 characters of [a-zA-Z0-9-_.] are allowed, of which the first and the last are letters or digits.",
  });
}

function found(t: Transaction, secret: string): SecretRecord {
  const named = t.get("secret", secret);
  if (named) return named;
  const [first, second] =
    secret === "" ? [] : t.list("secret").filter(({ id }) => id.startsWith(secret));
  if (!first) throw new NacreError("not-found", `no such secret: ${secret}`);
  if (!second) return first;
  throw new NacreError("invalid", `${secret} is the beginning of the IDs of several secrets`, {
    advice: "Give more of it, or a name.",
  });
}
