// Digests: their grammar, SHA-256, and the chain IDs of a stack of layers.
//
//   digest     := algorithm ":" encoded
//   algorithm  := component [ ("+" | "." | "_" | "-") component ]*    component := [a-z0-9]+
//   encoded    := [a-zA-Z0-9=_-]+
//
// Of these the core knows sha256, sha384 and sha512, whose encoded part is lower-case hex of a
// fixed length. (OCI image spec, descriptor.md, "Digests".)
//
// A chain ID names a layer together with everything below it (OCI image spec, config.md):
//   chain(L0) = L0        chain(L0…Ln) = sha256(chain(L0…Ln-1) + " " + Ln)

import { alloc, copy, fill, getU8, getU32, setU8, setU32 } from "./memory";

export const DIGEST_FINE: u32 = 0;
const DIGEST_INVALID_FORMAT: u32 = 1;
const DIGEST_INVALID_LENGTH: u32 = 2;
const DIGEST_UNSUPPORTED: u32 = 3;

/** Length in bytes of `sha256:` and 64 hex digits. */
const SHA256_TEXT: u32 = 71;

function isLowerAlnum(c: u32): bool {
  return (c >= 97 && c <= 122) || (c >= 48 && c <= 57);
}

function isEncoded(c: u32): bool {
  return isLowerAlnum(c) || (c >= 65 && c <= 90) || c === 61 || c === 95 || c === 45;
}

/** First address in `from`…`to` that holds `byte`, else `to`. */
function indexOf(byte: u32, from: u32, to: u32): u32 {
  for (let i = from; i < to; i++) {
    if (getU8(i) === byte) return i;
  }
  return to;
}

/** Hex digits of a known algorithm's encoded part, 0 for an algorithm that is not known. */
function hexLength(p: u32, length: u32): u32 {
  if (length !== 6) return 0;
  if (getU8(p) !== 115 || getU8(p + 1) !== 104 || getU8(p + 2) !== 97) return 0; // sha
  const bits = getU8(p + 3) * 65536 + getU8(p + 4) * 256 + getU8(p + 5);
  if (bits === 0x323536) return 64; // 256
  if (bits === 0x333834) return 96; // 384
  if (bits === 0x353132) return 128; // 512
  return 0;
}

function isAlgorithm(from: u32, to: u32): bool {
  let i = from;
  while (true) {
    const start = i;
    while (i < to && isLowerAlnum(getU8(i))) i++;
    if (i === start) return false;
    if (i === to) return true;
    const c = getU8(i);
    if (c !== 43 && c !== 46 && c !== 95 && c !== 45) return false;
    i++;
  }
}

/** The fault of the text of `length` bytes at `p` as a digest, or 0. */
export function digestCheck(p: u32, length: u32): u32 {
  const end = p + length;
  const colon = indexOf(58, p, end);
  if (colon === p || colon + 1 >= end) return DIGEST_INVALID_FORMAT;
  const hex = hexLength(p, colon - p);
  if (hex === 0) {
    if (!isAlgorithm(p, colon)) return DIGEST_INVALID_FORMAT;
    for (let i = colon + 1; i < end; i++) {
      if (!isEncoded(getU8(i))) return DIGEST_INVALID_FORMAT;
    }
    return DIGEST_UNSUPPORTED;
  }
  if (end - colon - 1 !== hex) return DIGEST_INVALID_LENGTH;
  for (let i = colon + 1; i < end; i++) {
    const c = getU8(i);
    if (!((c >= 48 && c <= 57) || (c >= 97 && c <= 102))) return DIGEST_INVALID_FORMAT;
  }
  return DIGEST_FINE;
}

// SHA-256 (FIPS 180-4). A hasher is 112 bytes: eight u32 of state, the message length in bytes as
// low and high u32, the fill of the block, and from 48 the block of 64 bytes.

const HASHER_SIZE: u32 = 112;
const LENGTH_LOW: u32 = 32;
const LENGTH_HIGH: u32 = 36;
const FILLED: u32 = 40;
const BLOCK: u32 = 48;

const roundConstants: u32 = primeRoots();
const schedule: u32 = alloc(256);

/**
 * The 64 round constants and after them the 8 initial words: the first 32 bits of the fractions
 * of the cube roots, and of the square roots, of the first primes. Square and cube root are
 * exact enough in f64: 53 bits hold 32 of fraction beside the 3 of the integer part.
 */
function primeRoots(): u32 {
  const table = alloc(288);
  let found: u32 = 0;
  for (let n: u32 = 2; found < 64; n++) {
    let prime = true;
    for (let d: u32 = 2; d * d <= n; d++) {
      if (n % d === 0) prime = false;
    }
    if (!prime) continue;
    setU32(table + found * 4, fraction32(cubeRoot(f64(n))));
    if (found < 8) setU32(table + 256 + found * 4, fraction32(Math.sqrt(f64(n))));
    found++;
  }
  return table;
}

function fraction32(x: f64): u32 {
  return u32((x - Math.floor(x)) * 4294967296.0);
}

/** By Newton's method, because Math.cbrt may differ in its last bit between engines. */
function cubeRoot(n: f64): f64 {
  let x: f64 = 2.0;
  for (let i = 0; i < 40; i++) x = x - (x * x * x - n) / (3.0 * x * x);
  return x;
}

/** A new hasher; `sha256Reset` makes a used one new again. */
export function sha256New(): u32 {
  const h = alloc(HASHER_SIZE);
  sha256Reset(h);
  return h;
}

export function sha256Reset(h: u32): void {
  copy(h, roundConstants + 256, 32);
  fill(h + 32, 0, HASHER_SIZE - 32);
}

export function sha256Update(h: u32, p: u32, length: u32): void {
  const low = getU32(h + LENGTH_LOW);
  const sum = (low + length) >>> 0;
  if (sum < low) setU32(h + LENGTH_HIGH, getU32(h + LENGTH_HIGH) + 1);
  setU32(h + LENGTH_LOW, sum);
  let filled = getU32(h + FILLED);
  let from = p;
  let left = length;
  while (left > 0) {
    if (filled === 0 && left >= 64) {
      compress(h, from);
      from += 64;
      left -= 64;
      continue;
    }
    const free: u32 = 64 - filled;
    const take = left < free ? left : free;
    copy(h + BLOCK + filled, from, take);
    filled += take;
    from += take;
    left -= take;
    if (filled === 64) {
      compress(h, h + BLOCK);
      filled = 0;
    }
  }
  setU32(h + FILLED, filled);
}

/** Writes the 64 hex digits of the hash to `out`. The hasher is used up. */
export function sha256Hex(h: u32, out: u32): void {
  const filled = getU32(h + FILLED);
  const low = getU32(h + LENGTH_LOW);
  const high = getU32(h + LENGTH_HIGH);
  fill(h + BLOCK + filled, 0, 64 - filled);
  setU8(h + BLOCK + filled, 0x80);
  if (filled >= 56) {
    compress(h, h + BLOCK);
    fill(h + BLOCK, 0, 64);
  }
  setBig(h + BLOCK + 56, ((high << 3) | (low >>> 29)) >>> 0);
  setBig(h + BLOCK + 60, (low << 3) >>> 0);
  compress(h, h + BLOCK);
  for (let i: u32 = 0; i < 64; i++) {
    const word = getU32(h + (i >>> 3) * 4);
    const nibble = (word >>> (28 - (i & 7) * 4)) & 15;
    setU8(out + i, nibble < 10 ? 48 + nibble : 87 + nibble);
  }
}

function setBig(p: u32, v: u32): void {
  setU8(p, v >>> 24);
  setU8(p + 1, (v >>> 16) & 255);
  setU8(p + 2, (v >>> 8) & 255);
  setU8(p + 3, v & 255);
}

function turn(x: u32, n: u32): u32 {
  return (x >>> n) | (x << (32 - n));
}

function expand(block: u32): void {
  for (let i: u32 = 0; i < 64; i += 4) {
    const p = block + i;
    const word = (getU8(p) << 24) | (getU8(p + 1) << 16) | (getU8(p + 2) << 8) | getU8(p + 3);
    setU32(schedule + i, word >>> 0);
  }
  for (let i: u32 = 64; i < 256; i += 4) {
    const w15 = getU32(schedule + i - 60);
    const w2 = getU32(schedule + i - 8);
    const s0 = (turn(w15, 7) ^ turn(w15, 18) ^ (w15 >>> 3)) >>> 0;
    const s1 = (turn(w2, 17) ^ turn(w2, 19) ^ (w2 >>> 10)) >>> 0;
    const sum = getU32(schedule + i - 64) + s0 + getU32(schedule + i - 28) + s1;
    setU32(schedule + i, sum >>> 0);
  }
}

function compress(h: u32, block: u32): void {
  expand(block);
  let a = getU32(h);
  let b = getU32(h + 4);
  let c = getU32(h + 8);
  let d = getU32(h + 12);
  let e = getU32(h + 16);
  let f = getU32(h + 20);
  let g = getU32(h + 24);
  let i = getU32(h + 28);
  for (let n: u32 = 0; n < 256; n += 4) {
    const s1 = (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) >>> 0;
    const choice = ((e & f) ^ (~e & g)) >>> 0;
    const t1 = (i + s1 + choice + getU32(roundConstants + n) + getU32(schedule + n)) >>> 0;
    const s0 = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) >>> 0;
    const majority = ((a & b) ^ (a & c) ^ (b & c)) >>> 0;
    i = g;
    g = f;
    f = e;
    e = (d + t1) >>> 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + s0 + majority) >>> 0;
  }
  setU32(h, (getU32(h) + a) >>> 0);
  setU32(h + 4, (getU32(h + 4) + b) >>> 0);
  setU32(h + 8, (getU32(h + 8) + c) >>> 0);
  setU32(h + 12, (getU32(h + 12) + d) >>> 0);
  setU32(h + 16, (getU32(h + 16) + e) >>> 0);
  setU32(h + 20, (getU32(h + 20) + f) >>> 0);
  setU32(h + 24, (getU32(h + 24) + g) >>> 0);
  setU32(h + 28, (getU32(h + 28) + i) >>> 0);
}

let chainFaultAt: u32 = 0;

/** Which diff ID the last `chainIds` refused. */
export function chainFaultIndex(): u32 {
  return chainFaultAt;
}

/**
 * The chain IDs of the diff IDs in `length` bytes at `p`, each ended by a line feed, bottom layer
 * first. The n-th one (n from 1) is written to `out + 71 × (n - 1)`; the first layer's is its own
 * diff ID and is not written. Returns the fault of a diff ID, or 0.
 */
export function chainIds(p: u32, length: u32, out: u32): u32 {
  const h = sha256New();
  const end = p + length;
  let parent: u32 = 0;
  let parentLength: u32 = 0;
  let to = out;
  let from = p;
  for (chainFaultAt = 0; from < end; chainFaultAt++) {
    const stop = indexOf(10, from, end);
    const fault = digestCheck(from, stop - from);
    if (fault !== DIGEST_FINE) return fault;
    if (parentLength === 0) {
      parent = from;
      parentLength = stop - from;
    } else {
      sha256Reset(h);
      sha256Update(h, parent, parentLength);
      setU8(to, 32);
      sha256Update(h, to, 1);
      sha256Update(h, from, stop - from);
      setU32(to, 0x32616873); // sha2
      setU32(to + 3, 0x3a363532); // 256:
      sha256Hex(h, to + 7);
      parent = to;
      parentLength = SHA256_TEXT;
      to += SHA256_TEXT;
    }
    from = stop + 1;
  }
  return DIGEST_FINE;
}
