// Secrets in memory.

import { NacreError } from "@nacre/core/error.ts";
import type { SecretRecord } from "@nacre/core/state/records.ts";
import type { Secrets } from "@nacre/engine/engine.ts";

export class FakeSecrets implements Secrets {
  readonly says = new Map<string, Uint8Array>();
  readonly #records: SecretRecord[] = [];

  create(name: string, data: Uint8Array, { labels = {} } = {}): SecretRecord {
    this.says.set(name, data);
    const id = `${this.#records.length}`.repeat(25);
    const record = { id, name, labels, sizeBytes: data.length, createdMs: 0 };
    this.#records.push(record);
    return record;
  }
  list(): SecretRecord[] {
    return [...this.#records];
  }
  get(secret: string): SecretRecord {
    const found = this.#records.find(({ name }) => name === secret);
    if (!found) throw new NacreError("not-found", `no such secret: ${secret}`);
    return found;
  }
  remove(secret: string): SecretRecord {
    const found = this.get(secret);
    this.#records.splice(this.#records.indexOf(found), 1);
    return found;
  }
}
