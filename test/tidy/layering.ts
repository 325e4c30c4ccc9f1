// Who may import whom. A room is a package, or a part of one with rules of its own; an import is
// judged by what it resolves to, not by how it is written.

import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import {
  FILES,
  type Import,
  type Node,
  ROOT,
  readText,
  type Source,
  visit,
} from "./source-tree.ts";

/** What an import resolves to. */
export type Target =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "node"; readonly name: string }
  | { readonly kind: "package"; readonly name: string }
  | { readonly kind: "nothing"; readonly specifier: string };

interface Manifest {
  readonly name: string;
  readonly folder: string;
  readonly dependencies: ReadonlySet<string>;
}

function manifest(path: string): Manifest {
  const json: Record<string, unknown> = JSON.parse(readText(path));
  const names = ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"];
  const dependencies = names.flatMap((key) => Object.keys((json[key] as object | undefined) ?? {}));
  return {
    name: String(json.name),
    folder: posix.dirname(path),
    dependencies: new Set(dependencies),
  };
}

const MANIFESTS = FILES.filter((path) => posix.basename(path) === "package.json").map(manifest);
const WORKSPACES = new Map(MANIFESTS.filter((m) => m.folder !== ".").map((m) => [m.name, m]));

/** Resolves as Node does: relative paths, workspace packages, node: and npm. */
export function resolve(from: string, specifier: string): Target {
  if (specifier.startsWith("node:")) return { kind: "node", name: specifier };
  if (specifier.startsWith(".")) {
    const path = posix.join(posix.dirname(from), specifier);
    if (existsSync(join(ROOT, path))) return { kind: "file", path };
    // AssemblyScript names its files without an extension.
    return existsSync(join(ROOT, `${path}.ts`))
      ? { kind: "file", path: `${path}.ts` }
      : { kind: "nothing", specifier };
  }
  const parts = specifier.split("/");
  const name = parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
  const workspace = WORKSPACES.get(name);
  if (workspace === undefined) return { kind: "package", name };
  const rest = specifier.slice(name.length + 1);
  return {
    kind: "file",
    path: rest === "" ? workspace.folder : posix.join(workspace.folder, rest),
  };
}

/** The room of a path: `core/assembly`, `backends/linux`, `plugins/registry`, `engine`, … */
export function room(path: string): string {
  const [first = "", second = ""] = path.split("/");
  if (first === "core" && second === "assembly") return "core/assembly";
  if (first === "backends" || first === "plugins") return `${first}/${second}`;
  return path.includes("/") ? first : "";
}

/** Where the container of dependencies may be seen: modules, the plugin loader, the composition root. */
function mayInject(path: string): boolean {
  return (
    posix.basename(path) === "module.ts" ||
    path.startsWith("plugins/loader") ||
    /^cli\/(.*\/)?composition(-root)?\.ts$/.test(path)
  );
}

/** What a plugin may use: the ports, the errors they promise, the shapes of the OCI specifications. */
function isPluginSurface(path: string): boolean {
  return (
    /^core\/(ports|oci)\//.test(path) ||
    ["core/error.ts", "engine/engine.ts", "plugins/loader/plugin.ts"].includes(path)
  );
}

function subscribes(source: Source): boolean {
  let found = source.path === "engine/event-bus.ts";
  visit(source.program, (node) => {
    const property = node.type === "MemberExpression" ? (node.property as Node) : undefined;
    if (property?.name === "subscribe") found = true;
    return !found;
  });
  return found;
}

function packageFault(source: Source, item: Import, name: string): string | undefined {
  const here = room(source.path);
  if (here === "core" || here === "core/assembly")
    return `the core imports nothing from npm (${name}): ask for it through a port, or decide it in the core itself`;
  if (name === "inversify" && !mayInject(source.path) && here !== "test")
    return "inversify belongs in a module.ts, the plugin loader and the composition root: take dependencies through the constructor";
  if (name === "rxjs" && here === "engine" && !item.typeOnly && !subscribes(source))
    return "rxjs belongs in the event bus and its subscribers: results travel by promise";
  const owner = MANIFESTS.filter(
    (m) => m.folder === "." || source.path.startsWith(`${m.folder}/`),
  ).sort((a, b) => b.folder.length - a.folder.length)[0];
  const declared = owner?.dependencies.has(name) || owner?.folder === ".";
  if (!declared && !WORKSPACES.has(name))
    return `${name} is not among the dependencies of ${owner?.folder}/package.json: declare it there`;
  return undefined;
}

function nodeFault(source: Source, name: string): string | undefined {
  const here = room(source.path);
  if (here === "core" || here === "core/assembly" || here === "engine")
    return `${name}: ${here} knows no host; use a port of core/ports (Files, Clock, Random, Fetch, Codec)`;
  if (here === "backends/simulated")
    return `${name}: the simulated kernel also runs in a browser; use what it simulates`;
  return undefined;
}

function fileFault(source: Source, path: string): string | undefined {
  const here = room(source.path);
  const there = room(path);
  if (here === there) return undefined;
  if (here === "core/assembly") return `AssemblyScript imports only core/assembly, not ${path}`;
  if (here === "core")
    return `the core imports nothing outside itself, not ${path}: make it a port`;
  if (here === "engine" && !there.startsWith("core"))
    return `the engine imports the core only, not ${path}: ask for a port of core/ports`;
  if (here.startsWith("backends/") && !there.startsWith("core"))
    return `a backend imports the core only, not ${path}: move what both need to the core`;
  if (here.startsWith("plugins/") && !isPluginSurface(path))
    return `a plugin imports core/ports, core/oci, core/error.ts and engine/engine.ts, not ${path}: say what it needs in a port`;
  return undefined;
}

/** Why an import breaks the layering, with what to do instead; undefined if it is fine. */
export function layeringFault(source: Source, item: Import): string | undefined {
  const target = resolve(source.path, item.specifier);
  switch (target.kind) {
    case "nothing":
      return `${target.specifier} leads to no file`;
    case "node":
      return nodeFault(source, target.name);
    case "package":
      return packageFault(source, item, target.name);
    case "file":
      return fileFault(source, target.path);
  }
}
