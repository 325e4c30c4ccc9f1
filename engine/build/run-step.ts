// RUN: a container over what the stage is so far. Its layer is what it has written, as a tar that is
// indexed while it is made.

import { commandOf, DEFAULT_SHELL, resolvedPath } from "@nacre/core/dockerfile/image-state.ts";
import type { ActionOf } from "@nacre/core/dockerfile/instruction.ts";
import { heredocContent, heredocOf } from "@nacre/core/dockerfile/lines.ts";
import { parseRunMount, type RunMount } from "@nacre/core/dockerfile/run-mount.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { ImageProcess } from "@nacre/core/oci/image.ts";
import { type ContainerRequest, completeRequest } from "@nacre/core/program/request.ts";
import type { BuildOptions } from "../build-interface.ts";
import type { StepMounts } from "../containers/plan-parts.ts";
import { failureCode } from "../containers/start-failure.ts";
import { archiveOf } from "../roots/archive.ts";
import { EMPTY_LAYER } from "./build-layers.ts";
import { type BuiltStage, diffIdsOf } from "./build-run.ts";
import { CopyLayer } from "./copy-layer.ts";
import { CopiedMembers } from "./copy-members.ts";
import { keyOfCopy, layerOf } from "./copy-step.ts";
import { type StepContext, withLayer } from "./stage-steps.ts";
import type { StepContainer } from "./step-container.ts";
import { gonePaths, stepMembers } from "./step-layer.ts";
import { joinedMounts, type RealMounts } from "./step-mounts.ts";

/** Known without an ARG, and nothing that an image should depend on. */
const PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];

/** What the instruction itself says of its container. */
type Asked = Pick<ContainerRequest, "network" | "privileged">;

interface Line {
  readonly words: readonly string[];
  /** A here-document that is a program of its own, by its name. */
  readonly script?: { readonly name: string; readonly text: string };
}

/**
 * Runs the command in a container over what the steps before have made, unless the cache knows what
 * came of it. Whatever was mounted for it is let go of, also when it fails.
 */
export async function runStep(action: ActionOf<"RUN">, context: StepContext): Promise<BuiltStage> {
  const { run, before, expanded, cached } = context;
  const { layers, cache } = run.services;
  const line = lineOf(action, before.state.process);
  mustBeAllowed(action, run.options);
  if (line.words.length === 0) throw new NacreError("invalid", "RUN has no command");
  const mounts = action.mounts.map((text) => parseRunMount(expanded(text)));
  const network = networkOf(action.network ?? run.options.network);
  const variables = stepVariables(context);
  const real = await realMounts(mounts, context);
  try {
    const key = cache.key("RUN", {
      root: layers.chainId(diffIdsOf(before)),
      ...{ words: line.words, script: line.script, variables, network, mounts: real.inputs },
      ...processKey(before.state.process),
      ...{ newest: run.newest, platform: before.state.platform },
      ...{ hosts: run.options.extraHosts, shm: run.options.shmBytes },
      ...(action.insecure && { insecure: true }),
    });
    const powers = action.insecure ? { privileged: true } : {};
    const make = () => made(line, real, { network, ...powers }, variables, context);
    const words = createdBy(line, variables);
    if (!before.onHost) {
      const found = await cached(key, async () => (await make()).diffId);
      return withLayer(context, found, words);
    }
    // What this machine has is not known by any key.
    const { diffId, gone } = await make();
    return { ...withLayer(context, { diffId, createdMs: run.nowMs() }, words), gone };
  } finally {
    real.release();
  }
}

/** NacreError `denied` for a step that wants more than whoever builds gives away. */
export function mustBeAllowed({ insecure }: ActionOf<"RUN">, { allow = [] }: BuildOptions): void {
  if (!insecure || allow.includes("security.insecure")) return;
  throw new NacreError("denied", "RUN --security=insecure is not allowed", {
    advice: "Say --allow security.insecure, if you trust the Dockerfile with this machine.",
  });
}

/** Docker's own words: other tools read them. */
function createdBy({ words }: Line, variables: readonly string[]): string {
  const count = variables.length === 0 ? "" : `|${variables.length} ${variables.join(" ")} `;
  return `RUN ${count}${words.join(" ")} # buildkit`;
}

const processKey = ({ Env, User, WorkingDir }: ImageProcess): object => ({ Env, User, WorkingDir });

/** ARGs of the stage, as variables of the command; what the image itself has comes before them. */
function stepVariables({ before }: StepContext): string[] {
  const { args, process } = before.state;
  const own = new Set((process.Env ?? []).map((one) => one.split("=", 1)[0]));
  return [...args].filter(([name]) => !own.has(name)).map(([name, value]) => `${name}=${value}`);
}

function networkOf(wanted: string | undefined): string {
  if (wanted === undefined || wanted === "default" || wanted === "host") return "host";
  if (wanted === "none") return wanted;
  throw new NacreError("unsupported", `RUN has no network ${JSON.stringify(wanted)}`, {
    advice: "There are host and none.",
  });
}

function lineOf({ command, heredocs }: ActionOf<"RUN">, process: ImageProcess): Line {
  const [first] = heredocs;
  if (!first || !command.shell) return { words: commandOf(process, command) };
  const [text = ""] = command.words;
  const shell = process.Shell ?? DEFAULT_SHELL;
  const alone = heredocs.length === 1 && heredocOf(text)?.name === first.name;
  if (!alone) {
    const documents = heredocs.map(({ content, name }) => `${content}${name}\n`).join("");
    return { words: [...shell, `${text}\n${documents}`] };
  }
  const content = heredocContent(first);
  const [, interpreter, argument] = /^#!\s*(\S+)[ \t]*([^\n]*)/.exec(content) ?? [];
  if (interpreter === undefined) return { words: [...shell, content] };
  const path = `/dev/pipes/${first.name.replace(/[^\w.-]/g, "_")}`;
  const words = [interpreter, ...(argument ? [argument.trim()] : []), path];
  return { words, script: { name: path, text: content } };
}

/** Of most steps; what makes mounts is not even loaded. */
const NO_MOUNTS: RealMounts = {
  ...{ inputs: [], environment: [], targets: [] },
  plan: () => ({}),
  release: () => {},
};

async function realMounts(mounts: readonly RunMount[], context: StepContext): Promise<RealMounts> {
  if (mounts.length === 0) return NO_MOUNTS;
  const { run, before, planned } = context;
  const { secrets = [], ssh = {} } = run.options;
  return run.services.mounts.make(mounts, {
    ...{ secrets, ssh },
    resolve: (path) => resolvedPath(before.state.process, path),
    findRoot: async ({ from, source = "" }) => {
      const subpath = source.replace(/^\/+|\/+$/g, "");
      if (from === undefined) return contextRoot(subpath, context);
      const { diffIds, platform } = await run.from(from, planned.index);
      return { diffIds, subpath: subpath === "." ? "" : subpath, platform };
    },
  });
}

/** A part of the context as a layer, by its contents. */
async function contextRoot(source: string, context: StepContext) {
  const { run, before } = context;
  const { files, hasher, cache, layers } = run.services;
  const rules = { target: "/", rootOwned: true, parents: true, exclude: [] };
  const members = new CopiedMembers(rules);
  members.add(await run.context(), source === "" ? "." : source);
  const layer = new CopyLayer(files, hasher, members.finish(), run.newest);
  const key = await keyOfCopy("context", layer, context);
  let diffId = (await cache.find(key))?.diffId;
  if (diffId === undefined) {
    const made = await layerOf(layer, layers);
    diffId = made.diffId;
    if (made.isOfItsKey) cache.put(key, "a bound context", diffId, run.nowMs());
  }
  return {
    diffIds: [diffId],
    subpath: source === "." ? "" : source,
    platform: before.state.platform,
  };
}

/** Runs it, and stores what it has written; `gone`: what it, or a step before it, has deleted. */
async function made(
  line: Line,
  real: RealMounts,
  asked: Asked,
  variables: readonly string[],
  context: StepContext,
): Promise<{ readonly diffId: string; readonly gone: readonly string[] }> {
  const { run, before } = context;
  const { layers, containers, files } = run.services;
  const { gone = [] } = before;
  const { platform, process } = before.state;
  const diffIds = diffIdsOf(before);
  const image = before.onHost ? undefined : await layers.root(diffIds, platform, process);
  const request = requestOf(
    line,
    [...proxies(run.options.buildArgs), ...variables, ...real.environment],
    asked,
    context,
  );
  const script = scriptMount(line, context);
  const shown = diffIds.filter((diffId) => diffId !== EMPTY_LAYER);
  const host =
    before.onHost && shown.length + gone.length > 0
      ? await run.services.mounts.hostRoot(shown, gone, platform)
      : () => ({});
  const mounts = (id: string): StepMounts => joinedMounts([real.plan(id), script, host(id)]);
  return containers.with({ request, image, mounts }, async (container) => {
    const code = await exitOf(container, context);
    if (code !== 0) await failed(code, line, container, context);
    const merged = await layers.merged(diffIds);
    const places = { upper: container.upper, ...merged };
    const targets = [...real.targets, ...(line.script ? [line.script.name] : [])];
    const changes = container.changes();
    const members = [...stepMembers(merged.tree, changes, targets, run.newest)];
    const diffId =
      members.length === 0
        ? await layers.empty()
        : await layers.make(archiveOf(files, places, members));
    return { diffId, gone: before.onHost ? gonePaths(changes, gone) : [] };
  });
}

/** A command that is not there, or cannot be executed, has the exit code that a shell gives it. */
async function exitOf(container: StepContainer, { run, progress }: StepContext): Promise<number> {
  try {
    return await container.run(progress.output, run.signal);
  } catch (error) {
    const code = failureCode(error);
    if (!(error instanceof NacreError) || code === 125) throw error;
    progress.output(2, new TextEncoder().encode(`${error.message}\n`));
    return code;
  }
}

function proxies(args: Readonly<Record<string, string>> = {}): string[] {
  return Object.entries(args)
    .filter(([name]) => PROXIES.includes(name.toUpperCase()))
    .map(([name, value]) => `${name}=${value}`);
}

function requestOf(
  { words }: Line,
  environment: readonly string[],
  asked: Asked,
  { run, before, planned }: StepContext,
): ContainerRequest {
  const { extraHosts, shmBytes, limits } = run.options;
  const { base } = planned;
  const { User, Env, WorkingDir } = before.state.process;
  // This machine's root has no config that would say it.
  const own = before.onHost
    ? { environment: [...(Env ?? []), ...environment], workingDirectory: WorkingDir ?? "/" }
    : {};
  return completeRequest({
    ...limits,
    image:
      base.kind === "image" ? base.reference : base.kind === "stage" ? planned.label : base.kind,
    // Nothing of this machine or of this moment is to show in what it writes.
    hostname: "build",
    ...{ command: words, entrypoint: [], environment, ...asked, autoRemove: true, pull: "never" },
    ...own,
    ...(User !== undefined && { user: User }),
    ...(extraHosts && { extraHosts }),
    ...(shmBytes !== undefined && { shmBytes }),
  });
}

function scriptMount({ script }: Line, { run }: StepContext): Partial<StepMounts> {
  if (!script) return {};
  const { scratch, files, mounts } = run.services;
  const path = `${scratch.place()}/script`;
  files.replace(path, script.text);
  return mounts.script(script.name, path);
}

async function failed(
  code: number,
  { words }: Line,
  container: StepContainer,
  { run, before, text }: StepContext,
): Promise<never> {
  const shell = before.state.process.Shell ?? DEFAULT_SHELL;
  await run.options.onFailure?.({
    ...{ name: text.replace(/\s+/g, " "), exitCode: code },
    shell: (streams) => container.shell(shell.slice(0, 1), streams),
  });
  throw new NacreError(
    "invalid",
    `the command ${JSON.stringify(words.join(" "))} did not succeed: exit code ${code}`,
    {
      advice: "Look around where it failed: nacre build --debug-shell …",
      cause: { exitCode: code },
    },
  );
}
