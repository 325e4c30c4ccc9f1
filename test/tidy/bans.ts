// What no source may say, and what to say instead. Each ban looks at the syntax tree; names that
// a function declares itself (a parameter called `process`) are not the globals they resemble.

import { room } from "./layering.ts";
import { children, type Node, type Source, visit } from "./source-tree.ts";

export interface Offence {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

/** Rooms that touch the host by themselves: STYLE's "host's adapters, the cli and scripts". */
const HOST = new Set(["backends/linux", "cli", "scripts", "benchmarks", "test", ""]);
const SPEAKS = new Set(["cli", "scripts", "benchmarks", ""]);

/** Globals and members of globals that only the host's adapters use → what the others take. */
const HOST_GLOBALS: Readonly<Record<string, string>> = {
  "Date.now": "take Clock.nowMs() (core/ports/clock.ts)",
  "performance.now": "take Clock.monotonicMs() (core/ports/clock.ts)",
  "Math.random": "take Random.bytes() (core/ports/random.ts)",
  "crypto.randomUUID": "take Random.bytes() (core/ports/random.ts)",
  "crypto.getRandomValues": "take Random.bytes() (core/ports/random.ts)",
  setTimeout: "take Clock.sleep() (core/ports/clock.ts)",
  setInterval: "take Clock.sleep() in a loop (core/ports/clock.ts)",
  setImmediate: "take Clock.sleep() (core/ports/clock.ts)",
  process: "let the cli pass in what is needed",
  fetch: "take the Fetch port (core/ports/fetch.ts)",
};

function isFunction(node: Node): boolean {
  return /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type);
}

/** Names bound by a pattern: `a`, `{ a, b: [c] }`, `a = 1`, `...rest`. */
function bound(pattern: Node | null, into: Set<string>): void {
  if (pattern === null) return;
  if (pattern.type === "Identifier") into.add(String(pattern.name));
  else if (pattern.type === "Property") bound(pattern.value as Node, into);
  else if (pattern.type === "AssignmentPattern") bound(pattern.left as Node, into);
  else if (/^(ObjectPattern|ArrayPattern|RestElement|TSParameterProperty)$/.test(pattern.type))
    for (const child of children(pattern)) bound(child, into);
}

/** Names that a function, or the module, declares itself, without those of functions within. */
function declared(scope: Node): Set<string> {
  const names = new Set<string>();
  if (isFunction(scope)) for (const p of scope.params as Node[]) bound(p, names);
  visit(scope, (node) => {
    if (node.type === "VariableDeclarator") bound(node.id as Node, names);
    else if (/^Import(Default|Namespace)?Specifier$/.test(node.type))
      bound(node.local as Node, names);
    else if (node.type === "CatchClause") bound(node.param as Node | null, names);
    else if (/^(Function|Class)Declaration$/.test(node.type)) bound(node.id as Node | null, names);
    return node === scope || !isFunction(node);
  });
  return names;
}

/** Whether an identifier stands for a value, and not for a member's, key's or type's name. */
function isValue(node: Node, parent: Node | undefined): boolean {
  if (parent === undefined || parent.type.startsWith("TS")) return false;
  if (parent.type === "MemberExpression")
    return parent.object === node || (parent.computed === true && parent.property === node);
  if (/^(Property|PropertyDefinition|MethodDefinition)$/.test(parent.type))
    return parent.value === node || parent.computed === true;
  return !/^(Labeled|Break|Continue)Statement$/.test(parent.type);
}

function hostGlobals(source: Source): Offence[] {
  const offences: Offence[] = [];
  const scopes = new Map<Node, Set<string>>();
  const names = (scope: Node): Set<string> => {
    const known = scopes.get(scope) ?? declared(scope);
    scopes.set(scope, known);
    return known;
  };
  const ban = (node: Node, name: string): void => {
    const instead = HOST_GLOBALS[name];
    // A plugin may live on a host's event loop (a server); a turn of it is no time.
    const turn = name === "setImmediate" && source.path.startsWith("plugins/");
    if (instead === undefined || turn) return;
    offences.push({
      path: source.path,
      line: source.line(node.start),
      message: `${name}: ${instead}`,
    });
  };
  visit(source.program, (node, parents) => {
    const parent = parents.at(-1);
    if (node.type === "NewExpression" && (node.callee as Node).name === "Date") {
      if ((node.arguments as Node[]).length === 0) ban(node, "Date.now");
    }
    if (node.type !== "Identifier" || !isValue(node, parent)) return undefined;
    const name = String(node.name);
    if (parents.some((p) => (isFunction(p) || p.type === "Program") && names(p).has(name)))
      return undefined;
    const member =
      parent?.type === "MemberExpression" && parent.object === node
        ? String((parent.property as Node).name)
        : "";
    if (name === "globalThis") ban(node, member);
    ban(node, `${name}.${member}`);
    ban(node, name);
    return undefined;
  });
  return offences;
}

function isCall(node: Node, object: RegExp, property: RegExp): boolean {
  if (node.type !== "MemberExpression") return false;
  const [on, at] = [node.object as Node, node.property as Node];
  const chained = on.type === "MemberExpression" && isCall(on, object, /./);
  return (chained || object.test(String(on.name))) && property.test(String(at.name));
}

/** A comment that ends on a line, or on the one before it. */
function hasCommentAt(source: Source, line: number): boolean {
  return source.comments.some((comment) => {
    const last = source.line(comment.end);
    return last === line || last === line - 1;
  });
}

function testFault(source: Source, node: Node): string | undefined {
  const suite = /^(it|test|describe|suite|bench)$/;
  if (isCall(node, suite, /^only$/)) return "only: run one test with `npx vitest run -t name`";
  if (isCall(node, suite, /^(skip|todo|fails)$/))
    return "a test without a run: delete it, or use skipIf with the reason in a comment above";
  if (isCall(node, suite, /^(skipIf|runIf)$/) && !hasCommentAt(source, source.line(node.start)))
    return "a skipped case carries its reason: say in a comment above why it cannot run there";
  return undefined;
}

/** One ban: which node it hits, and what to do instead. */
function nodeFault(source: Source, node: Node): string | undefined {
  const assembly = room(source.path) === "core/assembly";
  switch (node.type) {
    case "TSEnumDeclaration":
      return "enum: use a union of string literals, or `as const` with numbers";
    case "TSAnyKeyword":
      return "any: use unknown and narrow it, or a type parameter";
    case "TSInterfaceDeclaration":
    case "TSTypeAliasDeclaration": {
      const name = String((node.id as Node).name);
      const prefixed = /^I[A-Z][a-z]/.test(name);
      return prefixed ? `${name}: name it without the I prefix` : undefined;
    }
    case "TSParameterProperty":
      return "a parameter property: declare the field and assign it";
    case "Decorator":
      // AssemblyScript's own (@inline) steer its compiler and exist only there.
      return assembly ? undefined : "a decorator: bind in a module.ts with toResolvedValue";
    case "MemberExpression": {
      const object = node.object as Node;
      if (
        object.name === "console" &&
        object.type === "Identifier" &&
        !SPEAKS.has(room(source.path))
      )
        return "console: throw a NacreError, or emit an event; only the cli speaks";
      return testFault(source, node);
    }
    default:
      return undefined;
  }
}

function commentFault(text: string): string | undefined {
  const marker = /\b(TODO|FIXME|XXX|HACK)\b/.exec(text);
  if (marker !== null) return `${marker[1]}: do it now, or open an issue`;
  if (/@ts-(ignore|nocheck)/.test(text)) return "ts-ignore: make the types say it";
  if (/@ts-expect-error\s*$/.test(text)) return "ts-expect-error: give the reason behind it";
  if (/biome-ignore[^:]*$/.test(text)) return "biome-ignore: give the reason behind a colon";
  return undefined;
}

/** Everything in a source that the house bans. */
export function offences(source: Source): Offence[] {
  const found: Offence[] = HOST.has(room(source.path)) ? [] : hostGlobals(source);
  const add = (start: number, message: string | undefined): void => {
    if (message !== undefined) found.push({ path: source.path, line: source.line(start), message });
  };
  visit(source.program, (node) => {
    add(node.start, nodeFault(source, node));
    return undefined;
  });
  for (const comment of source.comments) add(comment.start, commentFault(comment.value));
  return found;
}

/** Whether a file does nothing but hand on what others export. */
export function isBarrel(source: Source): boolean {
  const body = source.program.body as Node[];
  const handsOn = (node: Node): boolean =>
    node.type === "ExportAllDeclaration" ||
    (node.type === "ExportNamedDeclaration" && node.source !== null);
  return body.length > 0 && body.every(handsOn);
}
