// Types for embedders: what the entries of cli/ promise, and only that. tsc
// writes a declaration for every source; the ones that the entries reach are copied, with specifiers
// that hold in anybody's project.
//
// rxjs is bundled, so that installing nacre fetches nothing; of its types, Observable's are copied.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { DIST, ROOT, run } from "./step.ts";

const SOURCES = ["cli/nacre.ts", "cli/contract.ts", "cli/plugin.ts", "cli/simulated.ts"];
const ENTRIES = SOURCES.map((path) => path.replace(/\.ts$/, ".d.ts"));
const RXJS = join(ROOT, "node_modules", "rxjs", "dist", "types", "internal");
const WORKSPACES: Readonly<Record<string, string>> = {
  "@nacre/core": "core",
  "@nacre/engine": "engine",
  "@nacre/linux": "backends/linux",
  "@nacre/plugin-loader": "plugins/loader",
  "@nacre/simulated": "backends/simulated",
};

/** A module's place below dist/types, and where its text is found. */
type Place = { readonly path: string; readonly file: string };

export async function buildDeclarations(): Promise<void> {
  const emitted = mkdtempSync(join(tmpdir(), "nacre-types-"));
  try {
    await emit(emitted);
    copyReachable(emitted, join(DIST, "types"));
  } finally {
    rmSync(emitted, { recursive: true, force: true });
  }
}

async function emit(outDir: string): Promise<void> {
  const config = join(outDir, "tsconfig.json");
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    stripInternal: true,
    noCheck: true,
    rootDir: ROOT,
    outDir,
    typeRoots: [join(ROOT, "node_modules", "@types")],
    // Found through node_modules, the workspaces would be foreign code, for which nothing is emitted.
    paths: Object.fromEntries(
      Object.entries(WORKSPACES).map(([name, room]) => [`${name}/*`, [join(ROOT, room, "*")]]),
    ),
  };
  const files = SOURCES.map((name) => join(ROOT, name));
  const content = { extends: join(ROOT, "tsconfig.json"), compilerOptions, files, include: [] };
  writeFileSync(config, JSON.stringify(content));
  await run("tsc", ["-p", config]);
}

function copyReachable(emitted: string, target: string): void {
  rmSync(target, { recursive: true, force: true });
  const waiting: Place[] = ENTRIES.map((path) => ({ path, file: join(emitted, path) }));
  const seen = new Set(ENTRIES);
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    const here = place;
    const text = readFileSync(here.file, "utf8").replace(
      /(\bfrom |\bimport\()(["'])([^"']+)\2/g,
      (_, before: string, quote: string, specifier: string) => {
        const next = resolveType(specifier, here, emitted);
        if (next === undefined) return `${before}${quote}${specifier}${quote}`;
        if (!seen.has(next.path)) {
          seen.add(next.path);
          waiting.push(next);
        }
        return `${before}${quote}${specifierFrom(here.path, next.path)}${quote}`;
      },
    );
    const path = join(target, here.path);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text.replace(/\n?\/\/# sourceMappingURL=.*/, ""));
  }
}

/** Where a module's types are; undefined for those that the reader brings (node:, vitest). */
function resolveType(specifier: string, from: Place, emitted: string): Place | undefined {
  if (specifier === "rxjs") return rxjs("Observable");
  const [name] = /^@nacre\/[\w-]+/.exec(specifier) ?? [];
  if (name !== undefined) {
    const rest = specifier.slice(name.length + 1).replace(/\.ts$/, ".d.ts");
    return ours(`${WORKSPACES[name]}/${rest}`, emitted);
  }
  if (!specifier.startsWith(".")) return undefined;
  if (from.path.startsWith("rxjs/")) return rxjs(join(dirname(from.path.slice(5)), specifier));
  const path = join(dirname(from.path), specifier.replace(/\.ts$/, ".d.ts"));
  return ours(path, emitted);
}

const ours = (path: string, emitted: string): Place => ({ path, file: join(emitted, path) });
const rxjs = (name: string): Place => ({
  path: `rxjs/${name}.d.ts`,
  file: join(RXJS, `${name}.d.ts`),
});

function specifierFrom(from: string, to: string): string {
  const path = relative(dirname(from), to).replace(/\.d\.ts$/, ".js");
  return path.startsWith(".") ? path : `./${path}`;
}
