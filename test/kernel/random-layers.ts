// Layers that nobody would think of, the same in every run.

import type { TarEntry } from "../images/tar.ts";

/** Park and Miller's generator: random layers, the same in every run. */
export function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
}

const NAMES = ["a", "b", "c", "d", "é", "!x", "-"];
const DIRECTORIES = ["", "a/", "b/", "a/b/", "c/d/", "é/"];

export function randomLayer(pick: (below: number) => number): TarEntry[] {
  const entries: TarEntry[] = [];
  const paths = new Set<string>();
  const written: string[] = [];
  for (let n = 0; n < 12; n++) {
    const path = `${DIRECTORIES[pick(DIRECTORIES.length)]}${NAMES[pick(NAMES.length)]}`;
    // One kind of thing at a path of a layer, and nothing below what is no directory.
    const clash = [...paths].some(
      (p) => p === path || p.startsWith(`${path}/`) || path.startsWith(`${p}/`),
    );
    const slash = path.lastIndexOf("/") + 1;
    const kind = pick(9);
    if (kind === 0) {
      entries.push({ name: `${path.slice(0, slash)}.wh.${path.slice(slash)}` });
      continue;
    }
    if (kind === 1) {
      entries.push({ name: `${path.slice(0, slash)}.wh..wh..opq` });
      continue;
    }
    const common = {
      mode: 0o600 + pick(0o200),
      uid: pick(3),
      gid: pick(3),
      mtime: pick(1e9) + pick(1000) / 1000,
    };
    if (kind === 2) {
      if (![...paths].some((p) => p === path || path.startsWith(`${p}/`))) {
        entries.push({ name: `${path}/`, type: "directory", ...common });
      }
      continue;
    }
    if (clash) continue;
    if (kind === 3)
      entries.push({ name: path, type: "symlink", link: `../${NAMES[pick(5)]}`, ...common });
    else if (kind === 4) entries.push({ name: path, type: "fifo", ...common });
    else if (kind === 5 && written.length > 0) {
      entries.push({ name: path, type: "hardlink", link: written[pick(written.length)] ?? "" });
    } else {
      const pax = pick(3) === 0 ? { "SCHILY.xattr.user.tag": NAMES[pick(4)] ?? "" } : {};
      const content = String.fromCharCode(97 + pick(26)).repeat(pick(3) === 0 ? 0 : pick(5000));
      entries.push({ name: path, content, pax, ...common });
      written.push(path);
    }
    paths.add(path);
  }
  return entries;
}
