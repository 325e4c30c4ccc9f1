// What is kept of an OCI container between the commands of its life: one file below --root.

import { NacreError, whereFound } from "@nacre/core/error.ts";
import { readConfig } from "@nacre/core/oci/config.ts";
import type { RuntimeSpec, SpecHooks } from "@nacre/core/oci/runtime-spec.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel, ProcessIdentity } from "@nacre/core/ports/kernel.ts";

/** The version of the specification that states and features are of. */
const OCI_VERSION = "1.2.0";

export type OciStatus = "creating" | "created" | "running" | "paused" | "stopped";

export interface OciRecord {
  readonly id: string;
  /** As seen by the host. */
  readonly pid: number;
  /** ProcessIdentity's, in decimal. */
  readonly startTime: string;
  readonly bundle: string;
  readonly rootfs: string;
  /** RFC 3339. */
  readonly created: string;
  readonly owner: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly cgroupPath: string;
  /** Its own nodes, and those above that were made for it, the lowest first. */
  readonly nodes: readonly string[];
  readonly parents: readonly string[];
  /** What `start` and `delete` need of its config.json, which they need not read so. */
  readonly hasProcess: boolean;
  readonly hooks: Pick<SpecHooks, "poststart" | "poststop">;
  /** It has the session keyring of who created it. */
  readonly keepsKeyring?: boolean;
  /** The mount of the machine that all of its own are below, where it has no mount namespace. */
  readonly rootMount?: number;
}

/** `state` prints it; hooks get it on their standard input (runtime.md, "State"). */
export interface OciState {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: OciStatus;
  readonly pid?: number;
  readonly bundle: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Names that are safe in paths and that runc knows, too. */
const ID = /^[\w+.-]+$/;
const MOST_ID = 1024;

/** @throws NacreError `invalid` */
function checkId(id: string): void {
  if (ID.test(id) && id !== "." && id !== ".." && id.length <= MOST_ID) return;
  throw new NacreError("invalid", `invalid container ID: ${JSON.stringify(id)}`, {
    advice: "An ID has letters, digits and _ + - . alone.",
  });
}

export class OciRecords {
  readonly #files: Files;
  readonly #root: string;

  constructor(files: Files, root: string) {
    this.#files = files;
    this.#root = root;
  }

  directory(id: string): string {
    checkId(id);
    return `${this.#root}/${id}`;
  }

  /** Where its process waits to be started; absent once it was. */
  startPath(id: string): string {
    return `${this.directory(id)}/start`;
  }

  prepare(): void {
    this.#files.makeDirectory(this.#root, 0o700);
  }

  write(record: OciRecord, config: string): void {
    const directory = this.directory(record.id);
    this.#files.replace(`${directory}/config.json`, config);
    this.#files.replace(`${directory}/state.json`, JSON.stringify(record));
  }

  find(id: string): OciRecord | undefined {
    const text = whereFound(() => this.#files.readText(`${this.directory(id)}/state.json`));
    return text === undefined ? undefined : (JSON.parse(text) as OciRecord);
  }

  /** @throws NacreError `not-found` */
  get(id: string): OciRecord {
    const record = this.find(id);
    if (record) return record;
    throw new NacreError("not-found", `container ${JSON.stringify(id)} does not exist`);
  }

  /** The config.json that it was made of. */
  spec(id: string): RuntimeSpec {
    return readConfig(this.#files.readText(`${this.directory(id)}/config.json`), () => {});
  }

  all(): OciRecord[] {
    return this.#files
      .list(this.#root)
      .sort()
      .flatMap((name) => (ID.test(name) ? (this.find(name) ?? []) : []));
  }
}

export const processOf = ({ pid, startTime }: OciRecord): ProcessIdentity => ({
  pid,
  startTime: BigInt(startTime),
});

/** `isFrozen`: whether its cgroup is, which costs a look at it. */
export function statusOf(
  record: OciRecord,
  kernel: Kernel,
  waits: () => boolean,
  isFrozen: () => boolean,
): OciStatus {
  if (!kernel.alive(processOf(record))) return "stopped";
  if (isFrozen()) return "paused";
  return waits() ? "created" : "running";
}

/** As the specification has it (runtime.md, State); of one that has stopped the pid is 0. */
export function stateOf(record: OciRecord, status: OciStatus): OciState {
  const { id, pid, bundle, annotations } = record;
  return {
    ociVersion: OCI_VERSION,
    id,
    status,
    pid: status === "stopped" ? 0 : pid,
    bundle,
    annotations,
  };
}

/** The state around the place of a pid that whoever runs a hook knows better. */
export function stateText(
  { id, bundle, annotations }: Pick<OciRecord, "id" | "bundle" | "annotations">,
  status: string,
): readonly [before: string, after: string] {
  const head = JSON.stringify({ ociVersion: OCI_VERSION, id, status }).slice(0, -1);
  const tail = JSON.stringify({ bundle, annotations }).slice(1);
  return [`${head},"pid":`, `,${tail}`];
}
