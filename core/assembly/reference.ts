// References: how people name images. The grammar is that of distribution/reference, whose names
// for faults are kept.
//
//   reference        := name [ ":" tag ] [ "@" digest ]
//   name             := [ domain "/" ] path
//   domain           := host [ ":" [0-9]+ ]
//   host             := component [ "." component ]* | "[" [0-9a-fA-F:]+ "]"     (names, IPv4, IPv6)
//   component        := [0-9a-zA-Z], and between two of these also "-"
//   path             := path-component [ "/" path-component ]*                   (at most 255 bytes)
//   path-component   := [a-z0-9]+ [ separator [a-z0-9]+ ]*
//   separator        := "." | "_" | "__" | "-" [ "-" ]*
//   tag              := [0-9A-Za-z_] [0-9A-Za-z_.-]{0,127}
//   digest           := algorithm ":" [0-9a-fA-F]{32,}                           (then digest.ts)
//   algorithm        := [A-Za-z][A-Za-z0-9]* [ [-_+.] [A-Za-z][A-Za-z0-9]* ]*
//   identifier       := [a-f0-9]{64}
//
// Only a name can hold "/", so the first "/" decides: what stands before it is a domain where it
// has a domain's form, and else the path's first component. After it, the first ":" or "@" ends
// the path. That is all the lookahead which the grammar needs, hence one pass and no backtracking.
//
// A *familiar* name is what people type. It is normalised in this way: what stands before the
// first "/" is a domain only if it is `localhost`, holds "." or ":", or holds an upper-case
// letter; else the domain is docker.io, and a path of one component there lies in `library/`.
// `index.docker.io` is an old name of docker.io.

import { DIGEST_FINE, digestCheck } from "./digest";
import { alloc, fill, getU8, getU32, setU32 } from "./memory";

/** Faults; those of digest.ts follow from `DIGEST_FAULTS` on. */
const INVALID_FORMAT: u32 = 1;
const CONTAINS_UPPERCASE: u32 = 2;
const NAME_TOO_LONG: u32 = 3;
const NAME_EMPTY: u32 = 4;
const IS_IDENTIFIER: u32 = 5;
const DIGEST_FAULTS: u32 = 5;

/** Forms in which a text may be read; any other number means a name alone. */
const PLAIN: u32 = 0;
const NORMALIZED: u32 = 1;
const DOCKER: u32 = 2;
const ANY: u32 = 3;

// Offsets of the result's fields, each a u32; starts count from the text's first byte.
const DOMAIN: u32 = 0;
const PATH: u32 = 8;
const TAG: u32 = 16;
const DIGEST: u32 = 24;
const FLAGS: u32 = 32;

const DEFAULT_DOMAIN: u32 = 1;
const IN_LIBRARY: u32 = 2;
const DEFAULT_TAG: u32 = 4;
const IDENTIFIER: u32 = 8;
const DIGEST_ALONE: u32 = 16;

const PATH_MAX: u32 = 255;
const LIBRARY_LENGTH: u32 = 8;

const result: u32 = alloc(36);

/** Address of the last result: domain, path, tag, digest as (start, length), then flags. */
export function referenceResult(): u32 {
  return result;
}

function isLower(c: u32): bool {
  return c >= 97 && c <= 122;
}
function isUpper(c: u32): bool {
  return c >= 65 && c <= 90;
}
function isDecimal(c: u32): bool {
  return c >= 48 && c <= 57;
}
function isAlnum(c: u32): bool {
  return isLower(c) || isUpper(c) || isDecimal(c);
}
function isHex(c: u32): bool {
  return isDecimal(c) || (c >= 97 && c <= 102) || (c >= 65 && c <= 70);
}

function indexOf(byte: u32, from: u32, to: u32): u32 {
  for (let i = from; i < to; i++) {
    if (getU8(i) === byte) return i;
  }
  return to;
}

/** Whether from…to is a path. With `fold`, upper-case letters count as lower-case ones. */
function isPath(from: u32, to: u32, fold: bool): bool {
  let i = from;
  while (true) {
    const start = i;
    while (i < to) {
      const c = getU8(i);
      if (!(isLower(c) || isDecimal(c) || (fold && isUpper(c)))) break;
      i++;
    }
    if (i === start) return false;
    if (i === to) return true;
    const separator = getU8(i);
    i++;
    if (separator === 45) {
      while (i < to && getU8(i) === 45) i++;
    } else if (separator === 95) {
      if (i < to && getU8(i) === 95) i++;
    } else if (separator !== 46 && separator !== 47) {
      break;
    }
  }
  return false;
}

/** Whether from…to is host components, each of letters and digits with hyphens inside. */
function isHostName(from: u32, to: u32): bool {
  let mayEnd = false;
  for (let i = from; i < to; i++) {
    const c = getU8(i);
    if (isAlnum(c)) {
      mayEnd = true;
    } else if (c === 46) {
      if (!mayEnd) return false;
      mayEnd = false;
    } else if (c === 45) {
      // A component begins with a letter or digit.
      if (i === from || getU8(i - 1) === 46) return false;
      mayEnd = false;
    } else {
      return false;
    }
  }
  return mayEnd;
}

function isDomain(from: u32, to: u32): bool {
  if (from === to) return false;
  let hostEnd: u32;
  if (getU8(from) === 91) {
    const bracket = indexOf(93, from, to);
    if (bracket === to || bracket === from + 1) return false;
    for (let i = from + 1; i < bracket; i++) {
      const c = getU8(i);
      if (!isHex(c) && c !== 58) return false;
    }
    hostEnd = bracket + 1;
  } else {
    hostEnd = indexOf(58, from, to);
    if (!isHostName(from, hostEnd)) return false;
  }
  if (hostEnd === to) return true;
  if (getU8(hostEnd) !== 58 || hostEnd + 1 === to) return false;
  for (let i = hostEnd + 1; i < to; i++) {
    if (!isDecimal(getU8(i))) return false;
  }
  return true;
}

function isTag(from: u32, to: u32): bool {
  if (from === to || to - from > 128) return false;
  const first = getU8(from);
  if (!isAlnum(first) && first !== 95) return false;
  for (let i = from + 1; i < to; i++) {
    const c = getU8(i);
    if (!isAlnum(c) && c !== 95 && c !== 46 && c !== 45) return false;
  }
  return true;
}

/** The reference grammar's digest, which is stricter in some ways and laxer in others. */
function isDigest(from: u32, to: u32): bool {
  const colon = indexOf(58, from, to);
  if (colon === to || to - colon - 1 < 32) return false;
  let first = true;
  for (let i = from; i < colon; i++) {
    const c = getU8(i);
    if (isLower(c) || isUpper(c)) {
      first = false;
    } else if (first) {
      return false;
    } else if (!isDecimal(c)) {
      if (c !== 45 && c !== 95 && c !== 43 && c !== 46) return false;
      first = true;
    }
  }
  if (first) return false;
  for (let i = colon + 1; i < to; i++) {
    if (!isHex(getU8(i))) return false;
  }
  return true;
}

function record(field: u32, base: u32, from: u32, to: u32): void {
  setU32(result + field, from - base);
  setU32(result + field + 4, to - from);
}

/** Reads path [":" tag] ["@" digest] from `from` to `end`; false where the grammar is broken. */
function readPathOn(base: u32, from: u32, end: u32, fold: bool): bool {
  let pathEnd = from;
  while (pathEnd < end && getU8(pathEnd) !== 58 && getU8(pathEnd) !== 64) pathEnd++;
  if (!isPath(from, pathEnd, fold)) return false;
  record(PATH, base, from, pathEnd);
  let at = pathEnd;
  if (at < end && getU8(at) === 58) {
    const tagEnd = indexOf(64, at, end);
    if (!isTag(at + 1, tagEnd)) return false;
    record(TAG, base, at + 1, tagEnd);
    at = tagEnd;
  }
  if (at < end) {
    if (!isDigest(at + 1, end)) return false;
    record(DIGEST, base, at + 1, end);
  }
  return true;
}

/** The same with a domain, where the text has one. */
function readAll(base: u32, end: u32, fold: bool): bool {
  const slash = indexOf(47, base, end);
  if (slash < end && isDomain(base, slash)) {
    record(DOMAIN, base, base, slash);
    return readPathOn(base, slash + 1, end, fold);
  }
  return readPathOn(base, base, end, fold);
}

/** Length and digest, which the grammar leaves open; `prefix` bytes will be added to the path. */
function checkParts(base: u32, prefix: u32): u32 {
  if (getU32(result + PATH + 4) + prefix > PATH_MAX) return NAME_TOO_LONG;
  const length = getU32(result + DIGEST + 4);
  if (length === 0) return 0;
  const fault = digestCheck(base + getU32(result + DIGEST), length);
  return fault === DIGEST_FINE ? 0 : DIGEST_FAULTS + fault;
}

function parsePlain(base: u32, end: u32): u32 {
  if (base === end) return NAME_EMPTY;
  if (readAll(base, end, false)) return checkParts(base, 0);
  return readAll(base, end, true) ? CONTAINS_UPPERCASE : INVALID_FORMAT;
}

function parseNameOnly(base: u32, end: u32): u32 {
  const slash = indexOf(47, base, end);
  let path = base;
  if (slash < end && isDomain(base, slash)) {
    record(DOMAIN, base, base, slash);
    path = slash + 1;
  }
  if (!isPath(path, end, false)) return INVALID_FORMAT;
  record(PATH, base, path, end);
  return checkParts(base, 0);
}

function isIdentifier(base: u32, end: u32): bool {
  if (end - base !== 64) return false;
  for (let i = base; i < end; i++) {
    const c = getU8(i);
    if (!isDecimal(c) && !(c >= 97 && c <= 102)) return false;
  }
  return true;
}

function hasUpper(from: u32, to: u32): bool {
  for (let i = from; i < to; i++) {
    if (isUpper(getU8(i))) return true;
  }
  return false;
}

/** Whether from…to is "docker.io", or the same after "index.". */
function isDefaultDomain(from: u32, to: u32): bool {
  let p = from;
  if (to - from === 15) {
    // "inde" "x." and then as below
    if (getU32(p) !== 0x65646e69 || getU8(p + 4) !== 120 || getU8(p + 5) !== 46) return false;
    p += 6;
  }
  // "dock" "er.i" "o"
  return (
    to - p === 9 && getU32(p) === 0x6b636f64 && getU32(p + 4) === 0x692e7265 && getU8(p + 8) === 111
  );
}

/** Whether what stands before the first slash is meant as a domain. */
function looksLikeDomain(from: u32, to: u32): bool {
  // "loca" "lhos" "t"
  if (to - from === 9 && getU32(from) === 0x61636f6c && getU32(from + 4) === 0x736f686c) {
    if (getU8(from + 8) === 116) return true;
  }
  return indexOf(46, from, to) < to || indexOf(58, from, to) < to || hasUpper(from, to);
}

function parseNormalized(base: u32, end: u32): u32 {
  if (isIdentifier(base, end)) return IS_IDENTIFIER;
  const slash = indexOf(47, base, end);
  const named = slash < end && looksLikeDomain(base, slash);
  const remainder = named ? slash + 1 : base;
  if (hasUpper(remainder, indexOf(58, remainder, end))) return CONTAINS_UPPERCASE;
  if (named && !isDefaultDomain(base, slash)) return parsePlain(base, end);
  let prefix: u32 = 0;
  let flags = DEFAULT_DOMAIN;
  if (indexOf(47, remainder, end) === end) {
    prefix = LIBRARY_LENGTH;
    flags |= IN_LIBRARY;
  }
  if (!readPathOn(base, remainder, end, false)) return INVALID_FORMAT;
  setU32(result + FLAGS, flags);
  return checkParts(base, prefix);
}

/** One of tag and digest: the digest wins, and where there is none of both the tag is `latest`. */
function parseDocker(base: u32, end: u32): u32 {
  const fault = parseNormalized(base, end);
  if (getU32(result + DIGEST + 4) > 0) setU32(result + TAG + 4, 0);
  else if (getU32(result + TAG + 4) === 0) {
    setU32(result + FLAGS, getU32(result + FLAGS) | DEFAULT_TAG);
  }
  return fault;
}

function parseAny(base: u32, end: u32): u32 {
  const identifier = isIdentifier(base, end);
  if (identifier || digestCheck(base, end - base) === DIGEST_FINE) {
    record(DIGEST, base, base, end);
    setU32(result + FLAGS, identifier ? IDENTIFIER : DIGEST_ALONE);
    return 0;
  }
  return parseNormalized(base, end);
}

/** Reads the text of `length` bytes at `p`. Returns a fault or 0; see `referenceResult`. */
export function referenceParse(p: u32, length: u32, form: u32): u32 {
  fill(result, 0, 36);
  const end = p + length;
  if (form === PLAIN) return parsePlain(p, end);
  if (form === NORMALIZED) return parseNormalized(p, end);
  if (form === DOCKER) return parseDocker(p, end);
  if (form === ANY) return parseAny(p, end);
  return parseNameOnly(p, end);
}
