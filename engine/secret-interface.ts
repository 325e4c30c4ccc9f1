// The engine's secrets as its users see them.

import type { SecretRecord } from "@nacre/core/state/records.ts";
import type { Filters } from "./filters.ts";

/** Values by key: `name`, `id`. */
export type SecretFilters = Filters;

export interface NewSecretOptions {
  readonly labels?: Readonly<Record<string, string>>;
  /** Takes the place of one of that name; containers that have that keep it. */
  readonly replace?: boolean;
}

/**
 * Passwords, keys and the like, that containers get by their requests (`SecretRequest`) and images
 * never have. What one says is kept in a file for its owner alone; a container has its own copy,
 * from when it is made until it is removed.
 */
export interface Secrets {
  /** 1 to 511,999 bytes. NacreError `exists`, unless it replaces, `invalid`. */
  create(name: string, data: Uint8Array, options?: NewSecretOptions): SecretRecord;
  /** By name. NacreError `invalid` for an unknown filter. */
  list(filters?: SecretFilters): SecretRecord[];
  /** By name, or a beginning of the ID that only one has. NacreError `not-found`, `invalid`. */
  get(secret: string): SecretRecord;
  /** What containers have of it stays theirs. NacreError as of `get`. */
  remove(secret: string): SecretRecord;
}
