// What a plugin's module is handed. It needs to import nothing of Nacre: everything comes from here.

import { NacreError } from "@nacre/core/error.ts";
import { Clock } from "@nacre/core/ports/clock.ts";
import { Codec } from "@nacre/core/ports/codec.ts";
import { Fetch } from "@nacre/core/ports/fetch.ts";
import { Files } from "@nacre/core/ports/files.ts";
import { ImageServer } from "@nacre/core/ports/image-server.ts";
import { Kernel } from "@nacre/core/ports/kernel.ts";
import { LogDriver } from "@nacre/core/ports/log-driver.ts";
import { NetworkDriver } from "@nacre/core/ports/network-driver.ts";
import { Random } from "@nacre/core/ports/random.ts";
import { Runtime } from "@nacre/core/ports/runtime.ts";
import { Snapshotter } from "@nacre/core/ports/snapshotter.ts";
import type { Token } from "@nacre/core/ports/token.ts";
import { VolumeDriver } from "@nacre/core/ports/volume-driver.ts";

/** What an implementation may ask for: the host, as the engine sees it. */
export const HOST_PORTS = { Clock, Codec, Fetch, Files, Kernel, Random } as const;

/** With those that may be added to. */
const PLUGIN_PORTS = {
  ImageServer,
  LogDriver,
  NetworkDriver,
  Runtime,
  Snapshotter,
  VolumeDriver,
  ...HOST_PORTS,
} as const;

/** A binding that has a value, and gets its name. */
export interface Bound {
  whenNamed(name: string): unknown;
}

/** What `bind` gives, as far as plugins need it of inversify's. */
export interface Binding<T> {
  toConstantValue(value: T): Bound;
  /** Made when it is first asked for, from what is bound to `from`; every time, but for a singleton. */
  toResolvedValue<A extends readonly unknown[]>(
    make: (...made: A) => T,
    from: { readonly [K in keyof A]: Token<A[K]> },
  ): Bound & { inSingletonScope(): Bound };
}

export type Bind = <T>(port: Token<T>) => Binding<T>;

export interface PluginHost {
  /**
   * inversify's: what is bound under the name that the manifest promises is what Nacre takes.
   *
   * ```ts
   * bind(ports.NetworkDriver).toResolvedValue((files) => new Quiet(files), [ports.Files]).whenNamed("quiet");
   * ```
   */
  readonly bind: Bind;
  readonly ports: typeof PLUGIN_PORTS;
  /** The class of the errors that ports promise. */
  readonly NacreError: typeof NacreError;
  /** Where the package is, absolute. */
  readonly directory: string;
}

/** A plugin's default export: binds, by name, what its manifest promises. */
export type Plugin = (host: PluginHost) => void;

/** @param directory of the plugin's package, absolute */
export const pluginHost = (bind: Bind, directory: string): PluginHost => ({
  bind,
  ports: PLUGIN_PORTS,
  NacreError,
  directory,
});
