// What is known of a plugin before it is loaded, and where plugins may come from.

import type { ExtensionPort } from "@nacre/core/ports/extensions.ts";
import type { PluginManifest } from "./manifest.ts";
import type { PluginWish } from "./package-place.ts";

export interface InstalledPlugin {
  readonly manifest: PluginManifest;
  /** Absolute, without links. */
  readonly directory: string;
  /** `bundled`, or who named it. */
  readonly origin: string;
}

export interface PluginOptions {
  /** Directories of the plugins that Nacre brings. */
  readonly bundled: readonly string[];
  /** Those that the user named. */
  readonly wishes: () => readonly PluginWish[];
  /** Names that Nacre gives to ports itself. */
  readonly own: Readonly<Record<ExtensionPort, readonly string[]>>;
  /** Who we are, for files that only we may write. */
  readonly uid: number;
}
