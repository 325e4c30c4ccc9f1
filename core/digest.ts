// Digests and chain IDs, computed in the core: header of core/assembly/digest.ts.

import { IO_CAPACITY_BYTES, placeText } from "./boundary.ts";
import type { Core } from "./core.ts";
import { NacreError } from "./error.ts";

/** What can be wrong with a digest, under the names that the field's own library uses. */
export type DigestFault =
  | "DigestErrInvalidFormat"
  | "DigestErrInvalidLength"
  | "DigestErrUnsupported";

/** A digest taken apart. `encoded` is lower-case hex. */
export interface Digest {
  readonly algorithm: "sha256" | "sha384" | "sha512";
  readonly encoded: string;
}

const FAULTS: readonly DigestFault[] = [
  "DigestErrInvalidFormat",
  "DigestErrInvalidLength",
  "DigestErrUnsupported",
];

const REASONS: Record<DigestFault, string> = {
  DigestErrInvalidFormat: "it is not of the form ALGORITHM:HEX with lower-case hex digits",
  DigestErrInvalidLength: "its algorithm has another number of hex digits",
  DigestErrUnsupported: "its algorithm is none of sha256, sha384 and sha512",
};

/** Why the fault `fault` makes a text no digest; ends a sentence. */
export function digestReason(fault: DigestFault): string {
  return REASONS[fault];
}

/** The name of the core's digest fault `code`, counted from 1. */
export function digestFault(code: number): DigestFault {
  return FAULTS[code - 1] ?? "DigestErrInvalidFormat";
}

/** `text` as a digest (OCI image spec, descriptor.md), or the name of what is wrong with it. */
export function tryParseDigest(core: Core, text: string): Digest | DigestFault {
  const { pointer, length } = placeText(core, text);
  const code = core.exports.digestCheck!(pointer, length);
  if (code !== 0) return digestFault(code);
  const colon = text.indexOf(":");
  return {
    algorithm: text.slice(0, colon) as Digest["algorithm"],
    encoded: text.slice(colon + 1),
  };
}

function notADigest(text: string, fault: DigestFault): NacreError {
  return new NacreError("invalid", `${JSON.stringify(text)} is not a digest: ${REASONS[fault]}`, {
    advice: "A digest looks like sha256: followed by 64 hex digits.",
  });
}

/** A running SHA-256 inside the core. Reusable: `digest()` starts it anew. */
export class Sha256 {
  readonly #core: Core;
  readonly #hasher: number;
  readonly #out: number;

  constructor(core: Core) {
    this.#core = core;
    this.#hasher = core.exports.sha256New!();
    this.#out = core.exports.alloc!(64);
  }

  update(bytes: Uint8Array): this {
    const { io, sha256Update } = this.#core.exports;
    for (let at = 0; at < bytes.length; at += IO_CAPACITY_BYTES) {
      const part = bytes.subarray(at, at + IO_CAPACITY_BYTES);
      this.#core.view(io!(), part.length).set(part);
      sha256Update!(this.#hasher, io!(), part.length);
    }
    return this;
  }

  /** `sha256:` and 64 hex digits of all that was given since the last call. */
  digest(): string {
    this.#core.exports.sha256Hex!(this.#hasher, this.#out);
    this.#core.exports.sha256Reset!(this.#hasher);
    return `sha256:${latin1(this.#core.view(this.#out, 64))}`;
  }
}

/** The sha256 digest of `bytes`. For long streams, the host's own hash is several times faster. */
export function sha256Digest(core: Core, bytes: Uint8Array): string {
  return new Sha256(core).update(bytes).digest();
}

const ascii = new TextDecoder("latin1");

function latin1(bytes: Uint8Array<ArrayBuffer>): string {
  return ascii.decode(bytes);
}

/**
 * The chain ID of every layer of a stack, bottom first, from their diff IDs (OCI image spec,
 * config.md, "Layer ChainID"). The last one names the whole root file system.
 * @throws NacreError `invalid` for a diff ID that is no digest
 */
export function chainIds(core: Core, diffIds: readonly string[]): string[] {
  const [first, ...rest] = diffIds;
  if (first === undefined) return [];
  // A line feed inside an ID would shift all later ones; it can be in no digest.
  const broken = diffIds.find((id) => id.includes("\n"));
  if (broken !== undefined) throw notADigest(broken, "DigestErrInvalidFormat");
  const { pointer, length } = placeText(core, `${diffIds.join("\n")}\n`);
  const out = core.exports.alloc!(rest.length * 71);
  const code = core.exports.chainIds!(pointer, length, out);
  if (code !== 0) {
    throw notADigest(diffIds[core.exports.chainFaultIndex!()] ?? "", digestFault(code));
  }
  const text = latin1(core.view(out, rest.length * 71));
  return [first, ...rest.map((_, index) => text.slice(index * 71, index * 71 + 71))];
}

/**
 * The chain ID of a whole stack of layers.
 * @throws NacreError `invalid` for an empty stack, or a diff ID that is no digest
 */
export function chainId(core: Core, diffIds: readonly string[]): string {
  const last = chainIds(core, diffIds).at(-1);
  if (last === undefined) throw new NacreError("invalid", "no layers, hence no chain ID");
  return last;
}
