// COPY and ADD: a layer that is written from where its files are, without a container.

import { expand } from "@nacre/core/dockerfile/expansion.ts";
import { resolvedPath, variablesOf } from "@nacre/core/dockerfile/image-state.ts";
import type { ActionOf } from "@nacre/core/dockerfile/instruction.ts";
import { type Heredoc, heredocContent } from "@nacre/core/dockerfile/lines.ts";
import { NacreError } from "@nacre/core/error.ts";
import { resolveUser } from "@nacre/core/program/user.ts";
import { addSource, isAddress } from "./add-sources.ts";
import type { BuildLayers } from "./build-layers.ts";
import type { BuiltStage } from "./build-run.ts";
import { diffIdsOf } from "./build-run.ts";
import { CopyLayer } from "./copy-layer.ts";
import { CopiedMembers, type CopyRules } from "./copy-members.ts";
import { parseMode } from "./file-mode.ts";
import type { SourceTree } from "./source-tree.ts";
import { type MadeLayer, type StepContext, withLayer } from "./stage-steps.ts";

type Copy = ActionOf<"COPY" | "ADD">;

/** The layer of a COPY, or the one that the cache has for the same files. */
export async function copyStep(action: Copy, context: StepContext): Promise<BuiltStage> {
  const { run, expanded, cached } = context;
  const { files, hasher, layers } = run.services;
  const sources = action.sources.map(expanded);
  const target = targetOf(action, expanded(action.target), context);
  const members = new CopiedMembers(await rulesOf(action, target, context));
  await addSources(action, sources, members, context);
  await addDocuments(action.heredocs, members, context);
  const layer = new CopyLayer(files, hasher, members.finish(), run.newest);
  const key = await keyOfCopy("COPY", layer, context);
  const found = await cached(key, () => layerOf(layer, layers));
  const words = [...sources, ...action.heredocs.map(({ name }) => `<<${name}`), target];
  return withLayer(context, found, `${action.kind} ${words.join(" ")} # buildkit`);
}

/** What has changed while it was copied is in the image, and no later build takes it for what it was. */
export async function layerOf(layer: CopyLayer, layers: BuildLayers): Promise<MadeLayer> {
  const diffId = await layers.make(layer.tar());
  return { diffId, isOfItsKey: !layer.isTorn };
}

/**
 * The key of a layer by what is in its files. They are not read where they have not changed since
 * their digest was made, and the layer is here: whoever makes it reads them.
 */
export async function keyOfCopy(
  kind: string,
  layer: CopyLayer,
  { run, isFresh }: Pick<StepContext, "run" | "isFresh">,
): Promise<string> {
  const { cache, copies } = run.services;
  const keyOf = (digest: string): string => cache.key(kind, { digest, newest: run.newest });
  const lookedAt = layer.lookedAt();
  const known = isFresh ? undefined : lookedAt && copies.find(lookedAt);
  const key = known && keyOf(known);
  if (key !== undefined && (await cache.find(key))) return key;
  const digest = await layer.digest();
  if (lookedAt) copies.put(lookedAt, digest);
  return keyOf(digest);
}

/** Absolute, with a slash where it can be nothing but a directory. */
function targetOf(
  { kind, sources, heredocs, parents }: Copy,
  target: string,
  { before }: StepContext,
): string {
  const isDirectory = /(^|\/)\.?$/.test(target);
  if (sources.length + heredocs.length > 1 && !isDirectory && !parents) {
    throw new NacreError("invalid", `${kind} of several files needs a directory as its target`, {
      advice: `Write a slash at its end: ${target}/`,
    });
  }
  const path = resolvedPath(before.state.process, target);
  return isDirectory && path !== "/" ? `${path}/` : path;
}

async function rulesOf(action: Copy, target: string, context: StepContext): Promise<CopyRules> {
  const { run, before, expanded } = context;
  const { layers } = run.services;
  const diffIds = diffIdsOf(before);
  const fromContext = action.kind === "ADD" || action.from === undefined;
  const owner =
    action.chown === undefined ? undefined : await ownerOf(expanded(action.chown), context);
  return {
    target,
    rootOwned: fromContext,
    parents: action.parents,
    exclude: action.exclude.map(expanded),
    ...(owner && { owner }),
    ...(action.chmod !== undefined && { mode: parseMode(expanded(action.chmod)) }),
    ...(!action.link && !before.onHost && { below: await layers.tree(diffIds) }),
  };
}

/** A number alone is user and group, as docker has it. */
async function ownerOf(text: string, { run, before }: StepContext) {
  if (/^\d+$/.test(text)) return { uid: Number(text), gid: Number(text) };
  if (/^\d+:\d+$/.test(text)) {
    const [uid, gid] = text.split(":").map(Number);
    return { uid: uid ?? 0, gid: gid ?? 0 };
  }
  const { passwd, group } = await run.services.layers.accounts(diffIdsOf(before));
  return resolveUser(text, passwd, group);
}

async function addSources(
  action: Copy,
  sources: readonly string[],
  members: CopiedMembers,
  context: StepContext,
): Promise<void> {
  const { run, planned } = context;
  let from: Promise<SourceTree> | undefined;
  for (const source of sources) {
    if (action.kind === "ADD" && isAddress(source)) {
      await addSource(source, action, members, context);
      continue;
    }
    from ??=
      action.kind === "COPY" && action.from !== undefined
        ? run.tree(action.from, planned.index)
        : run.context();
    const tree = await from;
    if (action.kind === "ADD" && action.unpack !== false)
      await addSource(source, action, members, context, tree);
    else members.add(tree, source);
  }
  if (action.kind === "ADD" && action.checksum !== undefined && !sources.some(isAddress)) {
    throw new NacreError("invalid", "--checksum is for what ADD fetches", {
      advice: "Leave it out: what is in the context is what it is.",
    });
  }
}

/** Files that stand in the Dockerfile. */
async function addDocuments(
  heredocs: readonly Heredoc[],
  members: CopiedMembers,
  { run, before, expansion }: StepContext,
): Promise<void> {
  if (heredocs.length === 0) return;
  const variables = variablesOf(before.state);
  const files = heredocs.map((document): [string, string] => {
    const text = heredocContent(document);
    const options = { ...expansion, document: true };
    return [document.name, document.expand ? expand(text, variables, options) : text];
  });
  const tree = await run.services.contexts.tree({ files: Object.fromEntries(files) });
  for (const [name] of files) members.addFile(tree, name, name);
}
