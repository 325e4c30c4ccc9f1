// podman's way to name a platform, by its parts; docker's --platform says it in one word.

import { FlagError } from "./flag-error.ts";
import { text, type Values } from "./options.ts";

export const PLATFORM_PARTS = {
  arch: text(["arch"], "arch", "The platform's architecture, such as arm64, instead of --platform"),
  os: text(["os"], "os", "The platform's system, beside --arch (default linux)"),
  variant: text(["variant"], "variant", "The architecture's variant, such as v7, beside --arch"),
};

/** `os/arch[/variant]`; undefined where no part is named. @throws FlagError where --platform is given, too */
export function platformOfParts(
  { arch, os, variant }: Values<typeof PLATFORM_PARTS>,
  hasPlatform: boolean,
): string | undefined {
  if (!arch && !os && !variant) return undefined;
  if (hasPlatform) {
    throw new FlagError("--platform option can not be specified with --arch, --os or --variant");
  }
  if (!arch) throw new FlagError("--os and --variant need an --arch");
  return [os || "linux", arch, ...(variant ? [variant] : [])].join("/");
}
