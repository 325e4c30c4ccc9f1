// References, the names of images. The grammar is the header of core/assembly/reference.ts.

import { placeText, readFields } from "./boundary.ts";
import type { Core } from "./core.ts";
import { type DigestFault, digestFault, digestReason } from "./digest.ts";
import { NacreError } from "./error.ts";

/**
 * What can be wrong with a reference, under the names that distribution/reference gives;
 * `ErrNameIsIdentifier` stands for its nameless refusal of 64 hex digits as a name.
 */
export type ReferenceFault =
  | "ErrReferenceInvalidFormat"
  | "ErrNameContainsUppercase"
  | "ErrNameTooLong"
  | "ErrNameEmpty"
  | "ErrNameIsIdentifier"
  | DigestFault;

/**
 * How to read a text; each is a function of distribution/reference.
 *
 * - `plain`: the grammar alone, so that `ubuntu` has no domain (Parse)
 * - `normalized`: a familiar name made full, `docker.io/library/ubuntu` (ParseNormalizedNamed)
 * - `docker`: normalised, and with exactly one of tag and digest: the digest wins over a tag, and
 *   `latest` is the tag where neither is given (ParseDockerRef)
 * - `name`: a plain name without tag and digest (WithName)
 */
export type ReferenceForm = "plain" | "normalized" | "docker" | "name";

const FORMS: Record<ReferenceForm | "any", number> = {
  plain: 0,
  normalized: 1,
  docker: 2,
  any: 3,
  name: 4,
};

const FAULTS: readonly ReferenceFault[] = [
  "ErrReferenceInvalidFormat",
  "ErrNameContainsUppercase",
  "ErrNameTooLong",
  "ErrNameEmpty",
  "ErrNameIsIdentifier",
];

const DEFAULT_DOMAIN = 1;
const IN_LIBRARY = 2;
const DEFAULT_TAG = 4;
const IDENTIFIER = 8;
const DIGEST_ALONE = 16;

/** A named reference, taken apart. Immutable. */
export class Reference {
  /** The registry's host and, after a colon, port; empty only in a plain reference. */
  readonly domain: string;
  /** The repository within the registry: `library/ubuntu`. */
  readonly path: string;
  readonly tag: string | undefined;
  /** `ALGORITHM:HEX`, valid for its algorithm. */
  readonly digest: string | undefined;

  constructor(domain: string, path: string, tag?: string, digest?: string) {
    this.domain = domain;
    this.path = path;
    this.tag = tag;
    this.digest = digest;
  }

  /** Domain and path: `docker.io/library/ubuntu`. */
  get name(): string {
    return this.domain === "" ? this.path : `${this.domain}/${this.path}`;
  }

  /** The name as people type it, without docker.io and `library/`: `ubuntu`. */
  get familiarName(): string {
    if (this.domain !== "docker.io") return this.name;
    const official = /^library\/([^/]*)$/.exec(this.path);
    return official?.[1] ?? this.path;
  }

  /** The full text: `docker.io/library/ubuntu:22.04`. */
  toString(): string {
    return this.name + this.#suffix();
  }

  /** The text as people type it: `ubuntu:22.04`. */
  familiar(): string {
    return this.familiarName + this.#suffix();
  }

  /** What the registry's API calls `<reference>` of a manifest; the digest wins, as docker has it. */
  get tagOrDigest(): string {
    return this.digest ?? this.tag ?? "latest";
  }

  /** This reference, with the tag `latest` if it has neither tag nor digest. */
  withDefaultTag(): Reference {
    if (this.tag !== undefined || this.digest !== undefined) return this;
    return new Reference(this.domain, this.path, "latest");
  }

  #suffix(): string {
    const tag = this.tag === undefined ? "" : `:${this.tag}`;
    return this.digest === undefined ? tag : `${tag}@${this.digest}`;
  }
}

/** A content's address without a name. */
export interface DigestReference {
  readonly digest: string;
}

/** Runs the core over `text`; the fault's name, or the result's fields. */
function read(core: Core, text: string, form: number): ReferenceFault | Uint32Array {
  const { pointer, length } = placeText(core, text);
  const { referenceParse, referenceResult } = core.exports;
  const code = referenceParse!(pointer, length, form);
  if (code > FAULTS.length) return digestFault(code - FAULTS.length);
  if (code > 0) return FAULTS[code - 1]!;
  return readFields(core, referenceResult!(), 9);
}

/** The part of `text` that fields `at` and `at + 1` describe; what the core accepts is ASCII. */
function slice(text: string, fields: Uint32Array, at: number): string {
  return text.slice(fields[at]!, fields[at]! + fields[at + 1]!);
}

function toReference(text: string, fields: Uint32Array): Reference {
  const flags = fields[8]!;
  const path = slice(text, fields, 2);
  return new Reference(
    flags & DEFAULT_DOMAIN ? "docker.io" : slice(text, fields, 0),
    flags & IN_LIBRARY ? `library/${path}` : path,
    flags & DEFAULT_TAG ? "latest" : slice(text, fields, 4) || undefined,
    slice(text, fields, 6) || undefined,
  );
}

/** `text` read as `form`, or the name of what is wrong with it. */
export function tryParseReference(
  core: Core,
  text: string,
  form: ReferenceForm = "normalized",
): Reference | ReferenceFault {
  const fields = read(core, text, FORMS[form]);
  return typeof fields === "string" ? fields : toReference(text, fields);
}

/** `text` as 64 hex digits (the digest of an image), a digest, or a normalised reference. */
export function tryParseAnyReference(
  core: Core,
  text: string,
): Reference | DigestReference | ReferenceFault {
  const fields = read(core, text, FORMS.any);
  if (typeof fields === "string") return fields;
  const flags = fields[8]!;
  if (flags & IDENTIFIER) return { digest: `sha256:${text}` };
  if (flags & DIGEST_ALONE) return { digest: text };
  return toReference(text, fields);
}

/**
 * What a person typed as the name of an image, made full: `ubuntu` is
 * `docker.io/library/ubuntu`. Neither tag nor digest is added: see `withDefaultTag`.
 * @throws NacreError `invalid`
 */
export function parseReference(
  core: Core,
  text: string,
  form: ReferenceForm = "normalized",
): Reference {
  const reference = tryParseReference(core, text, form);
  if (typeof reference === "string") throw notAReference(text, reference);
  return checkDomain(text, reference, form);
}

/**
 * In `my_host.example/x`, what stands before the slash is meant as a domain and cannot be one. The
 * grammar then takes it for a part of the path, which leaves no registry to ask.
 */
function checkDomain(text: string, reference: Reference, form: ReferenceForm): Reference {
  if (reference.domain !== "" || form === "plain" || form === "name") return reference;
  throw notAReference(text, "ErrReferenceInvalidFormat");
}

function notAReference(text: string, fault: ReferenceFault): NacreError {
  const message = `${JSON.stringify(text)} is not an image reference: ${reason(text, fault)}`;
  return new NacreError("invalid", message, {
    advice:
      "A reference looks like ubuntu, example/app:1.2 or registry.example:5000/team/app@sha256:…, with its name in lower case.",
  });
}

function reason(text: string, fault: ReferenceFault): string {
  switch (fault) {
    case "ErrReferenceInvalidFormat":
      return `it breaks the form [DOMAIN/]NAME[:TAG][@DIGEST]${culprit(text)}`;
    case "ErrNameContainsUppercase":
      return "the repository's name must be in lower case";
    case "ErrNameTooLong":
      return "the repository's name is longer than 255 characters";
    case "ErrNameEmpty":
      return "it is empty";
    case "ErrNameIsIdentifier":
      return "64 hex digits are the ID of an image and cannot be its name";
    default:
      return `of its digest, ${digestReason(fault)}`;
  }
}

/** Names the first character that no reference can hold. */
function culprit(text: string): string {
  const found = /[^A-Za-z0-9._:/@+[\]-]/u.exec(text);
  return found ? ` (${JSON.stringify(found[0])} at character ${found.index + 1})` : "";
}
