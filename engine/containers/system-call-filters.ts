// The filters of containers' system calls. A profile is compiled once for a set of capabilities and
// kept under the state root; a run reads bytes. What compiles is loaded when there is something to
// compile.

import { NacreError } from "@nacre/core/error.ts";
import type { Codec } from "@nacre/core/ports/codec.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { KernelFacts } from "@nacre/core/ports/kernel.ts";
import { capabilityMask } from "@nacre/core/program/capabilities.ts";
import type { ContainerRequest } from "@nacre/core/program/request.ts";
import type { MachineFacts } from "@nacre/core/program/resource-spec.ts";
import { processCapabilities } from "@nacre/core/program/spec.ts";
import {
  type FilterFlag,
  listenerState,
  type SystemCallFilter,
} from "@nacre/core/program/system-call-filter.ts";
import { DEFAULT_PROFILE_VERSION } from "@nacre/core/seccomp/version.ts";
import type { StatePaths } from "../images/paths.ts";

/** What is kept: a line of JSON, with a sum by which torn bytes are known, then the instructions. */
interface Kept {
  readonly flags: readonly FilterFlag[];
  readonly listenerPath?: string;
  readonly listenerMetadata?: string;
  readonly instructions: Uint8Array;
}

type Filtered = Pick<ContainerRequest, "seccomp" | "privileged" | "capabilities" | "annotations">;

const LINE_FEED = 10;

/**
 * FNV-1a by words, of which there is a whole number: by bytes it takes a millisecond of every start.
 * Not against somebody, who would have to be root, but against a machine that went down.
 */
function sumOf(bytes: Uint8Array): number {
  const { buffer, byteOffset, length } = bytes;
  const view = new DataView(buffer, byteOffset, length);
  let sum = 0x811c9dc5;
  for (let at = 0; at < length; at += 4) {
    sum = Math.imul(sum ^ view.getUint32(at, true), 0x01000193);
  }
  return sum >>> 0;
}

/** Undefined for bytes that are torn, or that no engine of this kind has written. */
function decode(bytes: Uint8Array): Kept | undefined {
  const end = bytes.indexOf(LINE_FEED);
  const instructions = bytes.slice(end + 1);
  if (end < 0 || instructions.length === 0 || instructions.length % 8 !== 0) return undefined;
  try {
    const line = new TextDecoder().decode(bytes.subarray(0, end));
    const { sum, ...head } = JSON.parse(line) as Omit<Kept, "instructions"> & { sum: number };
    return sum === sumOf(instructions) ? { ...head, instructions } : undefined;
  } catch {
    return undefined;
  }
}

function encode({ instructions, ...head }: Kept): Uint8Array {
  const sum = sumOf(instructions);
  const line = new TextEncoder().encode(`${JSON.stringify({ ...head, sum })}\n`);
  const bytes = new Uint8Array(line.length + instructions.length);
  bytes.set(line);
  bytes.set(instructions, line.length);
  return bytes;
}

/** Whether a container's calls are filtered: not if that was asked for, or all protection was lifted. */
const isFiltered = ({ seccomp, privileged }: Filtered): boolean =>
  seccomp === undefined || seccomp === "builtin" ? !privileged : seccomp !== "unconfined";

export class SystemCallFilters {
  readonly #files: Files;
  readonly #codec: Codec;
  readonly #paths: StatePaths;
  readonly #facts: () => KernelFacts;
  readonly #machine: Pick<MachineFacts, "capabilities">;
  readonly #known = new Map<string, Kept>();

  constructor(
    files: Files,
    codec: Codec,
    paths: StatePaths,
    facts: () => KernelFacts,
    machine: Pick<MachineFacts, "capabilities">,
  ) {
    this.#files = files;
    this.#codec = codec;
    this.#paths = paths;
    this.#facts = facts;
    this.#machine = machine;
  }

  #bounding(request: Filtered): readonly string[] {
    return processCapabilities(0, request, this.#machine).bounding;
  }

  /** All that decides what a filter says. */
  #name(request: Filtered): string {
    const { architecture, release } = this.#facts();
    const powers = capabilityMask(this.#bounding(request)).toString(16);
    const kernel = release.split(/[.-]/, 2).join(".");
    const { seccomp = "builtin" } = request;
    if (seccomp === "builtin") return `default${DEFAULT_PROFILE_VERSION}-${architecture}-${powers}`;
    const hasher = this.#codec.hasher("sha256");
    hasher.update(new TextEncoder().encode(seccomp));
    const digest = hasher.digest().slice("sha256:".length);
    return `${digest}-${architecture}-${kernel}-${powers}`;
  }

  /** Reads the filter of a container, or makes it. To be called before `of`. NacreError `invalid`. */
  async load(request: Filtered): Promise<void> {
    if (!isFiltered(request)) return;
    const name = this.#name(request);
    if (this.#known.has(name)) return;
    this.#known.set(name, this.#kept(name) ?? (await this.#make(name, request)));
  }

  /** The filter of a request that was loaded; undefined where nothing is filtered. */
  of(request: Filtered, id: string): SystemCallFilter | undefined {
    if (!isFiltered(request)) return undefined;
    const kept = this.#known.get(this.#name(request));
    if (!kept) throw new NacreError("internal", "a filter of system calls was not loaded");
    const { instructions, flags, listenerPath, listenerMetadata } = kept;
    if (listenerPath === undefined) return { instructions, flags };
    const { directory } = this.#paths.container(id);
    const state = listenerState(listenerMetadata, {
      ...{ id, bundle: directory },
      ...(request.annotations && { annotations: request.annotations }),
    });
    return { instructions, flags, listener: { path: listenerPath, state } };
  }

  #kept(name: string): Kept | undefined {
    try {
      return decode(this.#files.readBytes(this.#paths.filter(name)));
    } catch {
      // It is made again: nothing but time depends on it.
      return undefined;
    }
  }

  async #make(name: string, request: Filtered): Promise<Kept> {
    const { containerSeccomp, filterOf } = await import("@nacre/core/seccomp/for-container.ts");
    const { architecture, release } = this.#facts();
    const whom = { architecture, release, capabilities: this.#bounding(request) };
    const seccomp = containerSeccomp(request.seccomp, whom);
    const { instructions, flags } = filterOf(seccomp, architecture);
    const { listenerPath, listenerMetadata } = seccomp;
    const kept: Kept = {
      flags,
      ...(listenerPath !== undefined && { listenerPath }),
      ...(listenerMetadata !== undefined && { listenerMetadata }),
      instructions,
    };
    try {
      this.#files.makeDirectory(this.#paths.filters);
      this.#files.replace(this.#paths.filter(name), encode(kept));
    } catch {
      // A disk that is full or not ours: the next one makes it again.
    }
    return kept;
  }
}
