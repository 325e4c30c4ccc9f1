// Finds plugins and loads what is asked for by name. A package is looked for when the first name
// that Nacre has not itself is asked for; its module is imported when something of it is used.

import { createRequire } from "node:module";
import { NacreError } from "@nacre/core/error.ts";
import type { ExtensionPort, ExtensionPorts, Extensions } from "@nacre/core/ports/extensions.ts";
import type { Token } from "@nacre/core/ports/token.ts";
import { Container, ContainerModule, type ContainerModuleLoadOptions } from "inversify";
import { attributed } from "./attributed.ts";
import type { InstalledPlugin, PluginOptions } from "./installed.ts";
import { PORTS, parseManifest } from "./manifest.ts";
import { findPackage, readPackageJson, verifiedFile } from "./package-place.ts";
import { type Bind, HOST_PORTS, type Plugin, pluginHost } from "./plugin.ts";

export type HostPorts = <T>(port: Token<T>) => T;

export class PluginLoader implements Extensions {
  readonly #host: HostPorts;
  readonly #options: PluginOptions;
  readonly #loaded = new Map<InstalledPlugin, Promise<Container>>();
  #installed: readonly InstalledPlugin[] | undefined;

  /** `host`: what implements the host's ports, asked when a plugin asks for them. */
  constructor(host: HostPorts, options: PluginOptions) {
    this.#host = host;
    this.#options = options;
  }

  /**
   * Every plugin there is, looked for once.
   * @throws NacreError `not-found`, `invalid`: also for a name that two of them provide
   */
  list(): readonly InstalledPlugin[] {
    this.#installed ??= this.#discover();
    return this.#installed;
  }

  names(port: ExtensionPort): readonly string[] {
    return this.list().flatMap(({ manifest }) =>
      manifest.provides.filter((one) => one.port === port).map(({ name }) => name),
    );
  }

  runtimeFor(platform: string): string | undefined {
    for (const { manifest } of this.list()) {
      const found = manifest.provides.find((one) => one.platforms.includes(platform));
      if (found) return found.name;
    }
    return undefined;
  }

  platformsOf(runtime: string): readonly string[] {
    return this.list().flatMap(({ manifest }) =>
      manifest.provides
        .filter(({ port, name }) => port === "Runtime" && name === runtime)
        .flatMap(({ platforms }) => platforms),
    );
  }

  async find<P extends ExtensionPort>(
    port: P,
    name: string,
  ): Promise<ExtensionPorts[P] | undefined> {
    const owner = this.list().find(({ manifest }) =>
      manifest.provides.some((one) => one.port === port && one.name === name),
    );
    if (!owner) return undefined;
    const loaded = this.#loaded.get(owner) ?? this.#load(owner);
    this.#loaded.set(owner, loaded);
    return attributed(implementation(await loaded, owner, port, name), owner.manifest.name);
  }

  // -- finding ----------------------------------------------------------------------------------

  #discover(): InstalledPlugin[] {
    const found = new Map<string, InstalledPlugin>();
    const add = (directory: string, origin: string): void => {
      if (found.has(directory)) return;
      const manifest = parseManifest(readPackageJson(directory), `${directory}/package.json`);
      found.set(directory, { manifest, directory, origin });
    };
    for (const directory of this.#options.bundled) add(directory, "bundled");
    for (const wish of this.#options.wishes()) add(findPackage(wish), wish.origin);
    const installed = [...found.values()];
    this.#refuseDuplicates(installed);
    return installed;
  }

  #refuseDuplicates(installed: readonly InstalledPlugin[]): void {
    const owners = new Map<string, InstalledPlugin>();
    const claim = (key: string, says: string, plugin: InstalledPlugin, advice: string): void => {
      const before = owners.get(key);
      if (before && before !== plugin) {
        throw new NacreError("invalid", `${title(before)} and ${title(plugin)} both ${says}`, {
          advice,
        });
      }
      owners.set(key, plugin);
    };
    for (const plugin of installed) {
      claim(plugin.manifest.name, "are one package", plugin, "Name the one that is meant.");
      for (const { port, name, platforms } of plugin.manifest.provides) {
        if (this.#options.own[port].includes(name)) {
          throw new NacreError(
            "invalid",
            `${title(plugin)} provides the ${port} ${name}, which Nacre has itself`,
            { advice: "Its authors must give it another name; until then leave the plugin out." },
          );
        }
        const advice = "Leave one of them out of --plugin, NACRE_PLUGINS or plugins.json.";
        claim(`${port} ${name}`, `provide the ${port} ${name}`, plugin, advice);
        for (const platform of platforms) {
          claim(platform, `execute images of ${platform}`, plugin, advice);
        }
      }
    }
  }

  // -- loading ----------------------------------------------------------------------------------

  /** A container of its own: what it binds is seen by nobody else, and it sees the host alone. */
  async #load(plugin: InstalledPlugin): Promise<Container> {
    const { manifest, directory, origin } = plugin;
    const uid = origin === "bundled" ? undefined : this.#options.uid;
    const path = verifiedFile(directory, manifest.module, manifest.name, uid);
    let module: unknown;
    try {
      // It loads ES modules, too, without waiting and in a tenth of the time that `import` takes.
      module = createRequire(import.meta.url)(path);
    } catch (error) {
      throw failed(plugin, `its module cannot be loaded: ${says(error)}`, error);
    }
    const register = defaultExport(module);
    if (typeof register !== "function") {
      throw failed(plugin, `${path} has no default export that is a function`, undefined);
    }
    const container = new Container();
    for (const port of Object.values<Token<unknown>>(HOST_PORTS)) {
      container.bind(port).toDynamicValue(() => this.#host(port));
    }
    const load = ({ bind }: ContainerModuleLoadOptions): void => {
      const only = ((id: symbol) => {
        refuseUnpromised(plugin, id);
        return bind(id);
      }) as Bind;
      (register as Plugin)(pluginHost(only, directory));
    };
    try {
      await container.load(new ContainerModule(load));
      return container;
    } catch (error) {
      if (error instanceof NacreError) throw error;
      throw failed(plugin, `it failed while it was loaded: ${says(error)}`, error);
    }
  }
}

/** What a plugin has bound under a name, held to what its manifest and the port promise. */
function implementation<P extends ExtensionPort>(
  container: Container,
  plugin: InstalledPlugin,
  port: P,
  name: string,
): ExtensionPorts[P] {
  const { token, methods } = PORTS[port];
  if (!container.isBound(token, { name })) {
    throw failed(plugin, `its manifest promises the ${port} ${name}, its module binds none`);
  }
  let made: ExtensionPorts[P];
  try {
    made = container.get<ExtensionPorts[P]>(token, { name });
  } catch (error) {
    throw failed(plugin, `the ${port} ${name} cannot be made: ${says(error)}`, error);
  }
  const missing = methods.find((method) => typeof made[method] !== "function");
  if (missing !== undefined) throw failed(plugin, `the ${port} ${name} has no method ${missing}`);
  if (made.name !== name) {
    throw failed(plugin, `what is bound as the ${port} ${name} calls itself ${made.name}`);
  }
  return made;
}

const title = ({ manifest, directory }: InstalledPlugin): string =>
  `plugin ${manifest.name} ${manifest.version} (${directory})`;

const says = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function failed(plugin: InstalledPlugin, why: string, cause?: unknown): NacreError {
  return new NacreError("plugin", `${title(plugin)}: ${why}`, {
    advice: `Tell its authors, or leave ${plugin.manifest.name} out.`,
    cause,
  });
}

/** A module that was required instead of imported has its exports one step further down. */
function defaultExport(module: unknown): unknown {
  const { default: first } = module as { readonly default?: unknown };
  return typeof first === "object" && first !== null && "default" in first ? first.default : first;
}

/** A plugin adds; it does not take the place of a part of Nacre. */
function refuseUnpromised(plugin: InstalledPlugin, id: unknown): void {
  const description = typeof id === "symbol" ? (id.description ?? "") : "";
  if (!description.startsWith("nacre.")) return;
  const promised = plugin.manifest.provides.some(({ port }) => PORTS[port].token === id);
  if (promised) return;
  throw failed(plugin, `it binds ${description.slice(6)}, which its manifest does not promise`);
}
