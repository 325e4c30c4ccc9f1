// A plugin's manifest: the key `nacre` of its package.json.
//
//   "nacre": {
//     "apiVersion": 1,
//     "module": "./plugin.js",
//     "provides": {
//       "NetworkDriver": { "quiet": {} },
//       "Runtime": { "lua": { "platforms": ["lua/any"] } }
//     }
//   }
//
// It is all that is known of a plugin until something of it is used: which ports it adds to, under
// which names. docs/PLUGINS.md teaches it.

import { NacreError } from "@nacre/core/error.ts";
import type { ExtensionPort, ExtensionPorts } from "@nacre/core/ports/extensions.ts";
import { ImageServer } from "@nacre/core/ports/image-server.ts";
import { LogDriver } from "@nacre/core/ports/log-driver.ts";
import { NetworkDriver } from "@nacre/core/ports/network-driver.ts";
import { Runtime } from "@nacre/core/ports/runtime.ts";
import { Snapshotter } from "@nacre/core/ports/snapshotter.ts";
import type { Token } from "@nacre/core/ports/token.ts";
import { VolumeDriver } from "@nacre/core/ports/volume-driver.ts";

/** Changes when a plugin that was written for the one before would no longer work. */
const API_VERSION = 1;

/** The ports that plugins may add to, and what an implementation must be able to do. */
export const PORTS: {
  readonly [P in ExtensionPort]: {
    readonly token: Token<ExtensionPorts[P]>;
    readonly methods: readonly (keyof ExtensionPorts[P] & string)[];
  };
} = {
  ImageServer: { token: ImageServer, methods: ["serve"] },
  LogDriver: { token: LogDriver, methods: ["read"] },
  NetworkDriver: { token: NetworkDriver, methods: ["plan"] },
  Runtime: { token: Runtime, methods: ["plan", "interpret"] },
  Snapshotter: {
    token: Snapshotter,
    methods: ["unsupported", "commit", "has", "root", "remove"],
  },
  VolumeDriver: { token: VolumeDriver, methods: ["check", "make", "plan", "remove", "list"] },
};

/** One thing that a plugin provides. */
export interface Provision {
  readonly port: ExtensionPort;
  readonly name: string;
  /** Of a Runtime: the platforms (`os/architecture`) whose images it executes unasked. */
  readonly platforms: readonly string[];
}

export interface PluginManifest {
  /** The package's name and version. */
  readonly name: string;
  readonly version: string;
  readonly apiVersion: number;
  /** Path of its module, relative to the package. */
  readonly module: string;
  readonly provides: readonly Provision[];
}

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** As names of networks and drivers are: short, and without what a shell or a path means by it. */
const NAME = /^[a-z0-9][a-z0-9_.-]{0,62}$/;
const PLATFORM = /^[a-z0-9_.-]+\/[a-z0-9_.-]+$/;

/**
 * Reads a package.json. `place` names it in errors.
 * @throws NacreError `invalid`
 */
export function parseManifest(packageJson: string, place: string): PluginManifest {
  const refuse = (why: string, advice: string): never => {
    throw new NacreError("invalid", `${place}: ${why}`, { advice });
  };
  let read: unknown;
  try {
    read = JSON.parse(packageJson);
  } catch (error) {
    return refuse(`not JSON: ${(error as Error).message}`, "Is the package whole?");
  }
  if (!isObject(read) || typeof read.name !== "string" || typeof read.version !== "string") {
    return refuse("no name and version", "A plugin is an npm package.");
  }
  const { name, version, nacre } = read;
  if (!isObject(nacre)) {
    return refuse(`${name} is no plugin of Nacre: it has no key "nacre"`, GUIDE);
  }
  const { apiVersion, module } = nacre;
  if (!Number.isInteger(apiVersion)) return refuse('"nacre.apiVersion" is no number', GUIDE);
  if (apiVersion !== API_VERSION) {
    return refuse(
      `plugin ${name} ${version} is written for plugin API ${apiVersion}, this Nacre has API ${API_VERSION}`,
      `Install a version of ${name} for API ${API_VERSION}, or a Nacre that has API ${apiVersion}.`,
    );
  }
  if (typeof module !== "string" || !module.startsWith("./")) {
    return refuse('"nacre.module" is no path that begins with ./', GUIDE);
  }
  const provides = provisions(nacre.provides, (why) => refuse(`plugin ${name}: ${why}`, GUIDE));
  return { name, version, apiVersion: API_VERSION, module, provides };
}

const GUIDE = "docs/PLUGINS.md shows what a manifest looks like.";

function provisions(given: unknown, refuse: (why: string) => never): Provision[] {
  if (!isObject(given)) return refuse('"nacre.provides" is no object of ports');
  const found = Object.entries(given).flatMap(([port, names]) => {
    if (!isPort(port)) {
      const known = Object.keys(PORTS).join(", ");
      return refuse(`it provides ${JSON.stringify(port)}: what plugins may add is ${known}`);
    }
    if (!isObject(names)) return refuse(`"nacre.provides.${port}" is no object of names`);
    return Object.entries(names).map(([name, facts]) => provision(port, name, facts, refuse));
  });
  return found.length > 0 ? found : refuse("it provides nothing");
}

const isPort = (text: string): text is ExtensionPort => Object.hasOwn(PORTS, text);

function provision(
  port: ExtensionPort,
  name: string,
  facts: unknown,
  refuse: (why: string) => never,
): Provision {
  const what = `${port} ${JSON.stringify(name)}`;
  if (!NAME.test(name)) return refuse(`${what}: a name has letters, digits and _ . - in it`);
  if (!isObject(facts)) return refuse(`${what}: not an object`);
  const unknown = Object.keys(facts).find((key) => port !== "Runtime" || key !== "platforms");
  if (unknown !== undefined) return refuse(`${what}: unknown key ${JSON.stringify(unknown)}`);
  const { platforms = [] } = facts;
  const texts = Array.isArray(platforms) ? platforms : [undefined];
  if (!texts.every((text) => typeof text === "string" && PLATFORM.test(text))) {
    return refuse(`${what}: platforms are a list of os/architecture`);
  }
  return { port, name, platforms: texts };
}
