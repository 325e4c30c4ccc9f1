import type { ImageServer } from "./image-server.ts";
import type { LogDriver } from "./log-driver.ts";
import type { NetworkDriver } from "./network-driver.ts";
import type { Runtime } from "./runtime.ts";
import type { Snapshotter } from "./snapshotter.ts";
import { token } from "./token.ts";
import type { VolumeDriver } from "./volume-driver.ts";

/** Ports that a plugin may add one more implementation of, chosen by its name. */
export interface ExtensionPorts {
  readonly ImageServer: ImageServer;
  readonly LogDriver: LogDriver;
  readonly NetworkDriver: NetworkDriver;
  readonly Runtime: Runtime;
  readonly Snapshotter: Snapshotter;
  readonly VolumeDriver: VolumeDriver;
}

export type ExtensionPort = keyof ExtensionPorts;

/**
 * What plugins add, as the engine sees it. Names come from manifests; a plugin's code is loaded
 * when something of it is asked for, and not before, so that it costs nothing who does not use it.
 *
 * Errors: NacreError `plugin` if the module cannot be loaded or does not bind what its manifest
 * promises; `invalid` if a manifest breaks a rule or two plugins give the same name.
 */
export interface Extensions {
  /** Names that plugins give to a port, in their order. */
  names(port: ExtensionPort): readonly string[];
  /** Undefined where no plugin provides it. */
  find<P extends ExtensionPort>(port: P, name: string): Promise<ExtensionPorts[P] | undefined>;
  /** The name of the runtime that executes images of a platform (`wasi/wasm`), if one does. */
  runtimeFor(platform: string): string | undefined;
  /** The platforms whose images a runtime executes, the one that it prefers first. */
  platformsOf(runtime: string): readonly string[];
}

export const Extensions = token<Extensions>("Extensions");
