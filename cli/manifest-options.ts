// Options of the commands on indexes, as docker and podman have them.

import type { IndexChange, RegistryReach } from "@nacre/engine/engine.ts";
import { FlagError } from "./flag-error.ts";
import { flag, list, text } from "./options.ts";
import { tlsVerify } from "./registry-options.ts";

const pair = (word: string): readonly [string, string] => {
  const equals = word.indexOf("=");
  if (equals < 1) throw new FlagError("must be KEY=VALUE");
  return [word.slice(0, equals), word.slice(equals + 1)];
};

/** Registries without TLS: docker's word for it, and podman's. */
export const REACH = {
  insecure: flag(["insecure"], "Plain HTTP, also for registries that are not on loopback"),
  tlsVerify,
};

/** Either word alone is enough for plain HTTP. */
export function reachOf(values: {
  readonly insecure: boolean;
  readonly tlsVerify: boolean;
}): RegistryReach {
  return { insecure: values.insecure || !values.tlsVerify };
}

export const annotation = list(["annotation"], "key=value", "Set an annotation", pair);

/** What an index says of an image's platform. */
export const PLATFORM = {
  platform: text(["platform"], "os/arch[/variant]", "The platform, in one word"),
  arch: text(["arch"], "string", "The processor's architecture"),
  os: text(["os"], "string", "The operating system"),
  osVersion: text(["os-version"], "string", "The operating system's version"),
  osFeatures: list(["os-features"], "list", "The operating system's features", commas),
  features: list(["features"], "list", "The processor's features", commas),
  variant: text(["variant"], "string", "The architecture's variant"),
};

function commas(word: string): string[] {
  return word.split(",").filter((one) => one !== "");
}

export interface PlatformValues {
  readonly platform: string | undefined;
  readonly arch: string | undefined;
  readonly os: string | undefined;
  readonly osVersion: string | undefined;
  readonly osFeatures: readonly (readonly string[])[];
  readonly features: readonly (readonly string[])[];
  readonly variant: string | undefined;
}

/** @throws FlagError */
export function changeOf(
  values: PlatformValues,
  annotations: readonly (readonly [string, string])[],
): IndexChange {
  const { arch, os, osVersion, osFeatures, features, variant } = values;
  const platform = {
    ...(values.platform !== undefined && partsOf(values.platform)),
    ...(arch !== undefined && { architecture: arch }),
    ...(os !== undefined && { os }),
    ...(variant !== undefined && { variant }),
    ...(osVersion !== undefined && { "os.version": osVersion }),
    ...(osFeatures.length > 0 && { "os.features": osFeatures.flat() }),
    ...(features.length > 0 && { features: features.flat() }),
  };
  return {
    ...(Object.keys(platform).length > 0 && { platform }),
    ...(annotations.length > 0 && { annotations: Object.fromEntries(annotations) }),
  };
}

function partsOf(word: string) {
  const [os, architecture, variant, ...more] = word.split("/");
  if (!os || !architecture || more.length > 0) {
    throw new FlagError(`${JSON.stringify(word)} is not a platform: it looks like linux/arm/v7`);
  }
  return { os, architecture, ...(variant !== undefined && { variant }) };
}
