// The composition root: the one place where a backend, the engine and what surrounds a process
// are brought together.

import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import { Extensions } from "@nacre/core/ports/extensions.ts";
import { Files } from "@nacre/core/ports/files.ts";
import { Snapshotter } from "@nacre/core/ports/snapshotter.ts";
import { StateStore } from "@nacre/core/ports/state-store.ts";
import type { Engine } from "@nacre/engine/engine.ts";
import { EngineToken, engineModule } from "@nacre/engine/module.ts";
import type { EngineOptions } from "@nacre/engine/options.ts";
import { initBinary } from "@nacre/linux/init-binary.ts";
import { bootId, linuxKernelModule, linuxStorageModule } from "@nacre/linux/module.ts";
import { identify } from "@nacre/linux/process.ts";
import type { InstalledPlugin } from "@nacre/plugin-loader/installed.ts";
import { PluginLoader } from "@nacre/plugin-loader/loader.ts";
import { Container } from "inversify";
import { defaultRoot } from "./default-root.ts";
import { offer } from "./entry-point.ts";
import { imagePath, nodeAsCalled, starterPath, thawCommand } from "./frozen.ts";
import { NODE_FLAGS } from "./node-flags.ts";
import { packageRoot } from "./package-root.ts";
import { OWN_NAMES, type PluginGiven, pluginOptions } from "./plugins.ts";
import { VERSION } from "./version.ts";
import { workingDirectory } from "./working-directory.ts";

/** How an engine is made; all of it has a default. */
export interface CreateEngineOptions {
  /** Directory of all state; made if it is missing. Default `/var/lib/nacre`, and `~/.local/share/nacre` for others than root. */
  readonly root?: string;
  /** `linux`, the default: this machine's kernel. `simulated`: one in memory, for trying things out. */
  readonly backend?: "linux" | "simulated";
  /** `erofs` or `directory`; default: the first that this kernel can do. */
  readonly snapshotter?: string;
  /** Whose subordinate IDs containers have that do not ask for others: `default`, `USER[:GROUP]`, `UID[:GID]`. Default: they have the machine's users. */
  readonly usernsRemap?: string;
  /** Mirrors and plain HTTP by registry. Default: what /etc/nacre/registries.json says, if it is there. */
  readonly registries?: EngineOptions["registries"];
  /** Where proxies, certificate authorities and credentials are looked up. Default: the process's own. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Packages of plugins, by name or path; they run with all rights of this process. */
  readonly plugins?: readonly (string | PluginGiven)[];
  /** Whether a root that is missing is an error, `not-found`, and is not made. */
  readonly existingRoot?: boolean;
  /** For short commands: the process ends with the engine, which leaves it to close what it holds. */
  readonly endsWithProcess?: boolean;
}

/**
 * An engine of this process. Several processes may share a root.
 *
 * ```ts
 * await using engine = await createEngine({ root: "/srv/nacre" });
 * await engine.images.pull("debian:12");
 * ```
 *
 * @throws NacreError `invalid` for a root that cannot be used, `unsupported` where the backend is
 */
export async function createEngine(options: CreateEngineOptions = {}): Promise<Engine> {
  const { backend = "linux", snapshotter, environment = process.env } = options;
  const { endsWithProcess = false, existingRoot = false } = options;
  const root = absolute(options.root ?? defaultRoot(environment));
  const registries = options.registries ?? configuredRegistries();
  // It would make a function of text for each binding, and each is resolved once.
  const container = new Container({ jitless: true });
  const plugins = new PluginLoader(
    (port) => container.get(port),
    pluginSettings(options.plugins ?? []),
  );
  container.bind(Extensions).toConstantValue(plugins);
  const storage = { root, addon: addonPath(), environment, endsWithProcess, existingRoot };
  if (backend === "simulated") {
    const { simulation } = await import("./simulation.ts");
    await container.load(linuxStorageModule({ ...storage, init: "" }));
    const [files, state] = [container.get<Files>(Files), container.get<StateStore>(StateStore)];
    const options = { root, core: compiledCore, plugins, endsWithProcess };
    await container.load(simulation(files, state, options));
  } else {
    const linux = { ...storage, init: initPath(root) };
    await container.load(linuxStorageModule(linux), linuxKernelModule(linux));
  }
  const own = snapshotter === undefined || isOwn(snapshotter);
  const added = own ? undefined : await plugins.find("Snapshotter", snapshotter);
  if (added) container.bind(Snapshotter).toConstantValue(added);
  const followUp = followUpCommand(root, own ? snapshotter : undefined);
  await container.load(
    engineModule({
      root,
      version: VERSION,
      backend,
      core: compiledCore,
      bootId: bootId(),
      self: selfOf(),
      settleCommand: (id) => [...followUp, "settle", id],
      healthCommand: (id) => [...followUp, "health", id],
      terminalSize,
      ...(snapshotter !== undefined && { snapshotter }),
      ...(options.usernsRemap && { usernsRemap: options.usernsRemap }),
      ...(registries !== undefined && { registries }),
    }),
  );
  return container.get<Engine>(EngineToken);
}

const absolute = (path: string): string =>
  path.startsWith("/") ? resolve(path) : resolve(workingDirectory(), path);

/** The plugins that there are, by their manifests. */
export function installedPlugins(given: readonly PluginGiven[]): readonly InstalledPlugin[] {
  const nothing = () => {
    throw new TypeError("a plugin that is only listed asks for no port");
  };
  return new PluginLoader(nothing, pluginSettings(given)).list();
}

const pluginSettings = (given: readonly (string | PluginGiven)[]) =>
  pluginOptions(
    given.map((one) => (typeof one === "string" ? { wanted: one, origin: "createEngine" } : one)),
    workingDirectory,
  );

const isOwn = (snapshotter: string): boolean =>
  OWN_NAMES.Snapshotter.some((name) => name === snapshotter);

function initPath(root: string): string {
  if (process.platform !== "linux") {
    throw new NacreError(
      "unsupported",
      `there is no Linux kernel here: this is ${process.platform}`,
      {
        advice: "--backend simulated runs everywhere.",
      },
    );
  }
  const dist = inPackage("dist");
  return initBinary({ directories: [dist, `${root}/init`], sources: `${dist}/native` });
}

/** By hand: half a dozen calls of `join` take a third of a millisecond of a start. */
const inPackage = (path: string): string => `${packageRoot()}/${path}`;

/** Built for this processor; where it does not load, child_process does its work. */
export const addonPath = (): string => inPackage(`dist/addon-${process.arch}.node`);

let core: Core | undefined;

/** Compiled when something first needs it, once for a process. */
function compiledCore(): Core {
  core ??= Core.fromBytes(new Uint8Array(readFileSync(inPackage("dist/core.wasm"))));
  return core;
}

// Before a process is frozen: then it is there in all that begin with that, as fast as it gets.
offer("core", compiledCore);

/** This process as its kernel knows it. */
function selfOf(): EngineOptions["self"] {
  const self = identify(process.pid);
  if (!self) throw new TypeError("this process is not to be found in /proc");
  return self;
}

/** How supervisors start us: no PATH, no shell, this very Node, or one that was frozen. */
function followUpCommand(root: string, snapshotter: string | undefined): string[] {
  const directory = inPackage("dist");
  const chosen = snapshotter === undefined ? [] : ["--snapshotter", snapshotter];
  const { NACRE_FROZEN: wish, NACRE_USER_NAMESPACE: mark } = process.env;
  const image = imagePath(directory, mark !== undefined);
  const thaws = wish !== "never" && existsSync(starterPath(directory));
  const node = thaws
    ? thawCommand(directory, nodeAsCalled(), image)
    : [process.execPath, ...NODE_FLAGS];
  return [...node, "--", `${directory}/start.cjs`, "--root", root, ...chosen];
}

/** The size of the caller's terminal, for containers that get one of their own. */
function terminalSize(): { rows: number; columns: number } | undefined {
  const { rows, columns, isTTY } = process.stdout;
  return isTTY ? { rows, columns } : undefined;
}

const REGISTRIES = "/etc/nacre/registries.json";

/** `{"docker.io": {"mirrors": ["https://mirror.example"], "insecure": false}}`. */
function configuredRegistries(): EngineOptions["registries"] {
  let content: string;
  try {
    content = readFileSync(REGISTRIES, "utf8");
  } catch {
    return undefined;
  }
  try {
    return { registries: JSON.parse(content) };
  } catch (error) {
    throw new NacreError("invalid", `${REGISTRIES} is not JSON: ${String(error)}`, {
      advice: 'It looks like {"docker.io": {"mirrors": ["https://mirror.example"]}}.',
      cause: error,
    });
  }
}
