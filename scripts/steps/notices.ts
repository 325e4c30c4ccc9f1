// THIRD-PARTY-NOTICES, which goes with the package: bundles have other people's code inside, and
// their licences ask to be told wherever it goes.

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "rolldown";
import { DIST, ROOT } from "./step.ts";

/** Comes with Debian's base-files, and with what is made of Debian. */
const LGPL = "/usr/share/common-licenses/LGPL-2.1";
const RULE = "-".repeat(80);

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly author?: string | { readonly name: string };
  readonly homepage?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

export class Notices {
  /** Packages with code in a bundle, by their directories. */
  readonly #packages = new Map<string, Manifest>();

  /** To be among the plugins of every bundle. */
  readonly plugin: Plugin = {
    name: "notices",
    generateBundle: (_, bundle) => {
      for (const chunk of Object.values(bundle)) {
        if (chunk.type === "chunk") for (const id of chunk.moduleIds) this.#note(id);
      }
    },
  };

  write(): void {
    const packages = [...this.#packages].sort(([, a], [, b]) => a.name.localeCompare(b.name, "en"));
    const notices = packages.map(([directory, manifest]) => notice(directory, manifest));
    // One version may be installed in several places.
    const parts = [HEAD, LIBC, ...new Set(notices)];
    if (existsSync(LGPL)) parts.push(readFileSync(LGPL, "utf8"));
    writeFileSync(join(DIST, "THIRD-PARTY-NOTICES"), parts.join(`\n${RULE}\n\n`));
  }

  #note(module: string): void {
    const path = module.replace(/^\0/, "").replace(/\?.*$/, "");
    const [, directory] = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path) ?? [];
    if (directory !== undefined) this.#add(directory);
  }

  #add(directory: string): void {
    if (this.#packages.has(directory)) return;
    const manifest = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as Manifest;
    this.#packages.set(directory, manifest);
    // It is a bundle itself, of which nobody can see any more what is whose.
    if (manifest.name !== "just-bash") return;
    for (const name of Object.keys(manifest.dependencies ?? {})) {
      const found = installed(directory, name);
      if (found !== undefined) this.#add(found);
    }
  }
}

/** What a package needs, in it or beside it; undefined for what the overrides have taken out. */
function installed(from: string, name: string): string | undefined {
  const places = [join(from, "node_modules", name), join(ROOT, "node_modules", name)];
  const place = places.find((each) => existsSync(each));
  if (place === undefined) throw new Error(`${name}, which ${from} needs, is not installed`);
  const manifest = JSON.parse(readFileSync(join(place, "package.json"), "utf8")) as Manifest;
  return manifest.name === name ? place : undefined;
}

function notice(directory: string, { name, version, license, author, homepage }: Manifest): string {
  const files = readdirSync(directory).filter((file) => /^(licen[cs]e|notice|copy)/i.test(file));
  const who = typeof author === "string" ? author : author?.name;
  const texts = files.map((file) => readFileSync(join(directory, file), "utf8").trim());
  // Some have no file for it.
  if (texts.length === 0) texts.push([who, homepage].filter(Boolean).join(", "));
  return `${name} ${version}\n${license ?? "no licence named"}\n\n${texts.join("\n\n")}\n`;
}

const HEAD = `Nacre is under the licence in LICENSE. Its package has inside what follows, each under a
licence of its own.
`;
const LIBC = `nacre-init is linked with the C library of the machine that built it: on Debian the GNU C
Library, Copyright (C) Free Software Foundation, Inc., under the GNU Lesser General Public License,
version 2.1 or later. dist/native has all its sources and the Makefile that links it again.
`;
