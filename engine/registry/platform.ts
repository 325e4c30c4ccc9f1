// Which of an index's manifests is for this machine. Names and preferences are those of
// containerd's platforms package, so that the same image is chosen as with docker.
//
// A processor that runs its own code also runs that of its predecessors, so each platform has a
// list of those that will do, best first:
//
//   amd64/v3  → amd64/v3, v2, v1 (which is plain amd64), 386
//   arm/v7    → arm/v7, v6, v5
//   arm64     → arm64, arm/v8, v7, v6, v5
//   arm64/v9  → arm64/v9, arm64/v8.5 … v8, then arm as above (Armv9.0 includes Armv8.5)

import { NacreError } from "@nacre/core/error.ts";
import type { Descriptor, Platform } from "@nacre/core/oci/image.ts";

/**
 * `os/arch[/variant]`, or an architecture alone, as `--platform` takes it.
 * @throws NacreError `invalid`
 */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split("/");
  const alone = parts.length === 1;
  if (parts.length > 3 || parts.some((part) => !/^[a-z0-9_.-]+$/.test(part)) || text === "linux") {
    throw new NacreError("invalid", `${JSON.stringify(text)} is not a platform`, {
      advice: "A platform looks like linux/amd64, linux/arm/v7 or arm64.",
    });
  }
  const [os, architecture, variant] = alone ? ["linux", parts[0]!] : parts;
  return normalizePlatform({
    os: os!,
    architecture: architecture!,
    ...(variant === undefined ? {} : { variant }),
  });
}

/** `linux/arm/v7`. */
export function platformText(platform: Platform): string {
  const { os, architecture, variant } = platform;
  return [os, architecture, ...(variant ? [variant] : [])].join("/");
}

/** One spelling for what has several: `x86_64` is amd64, `aarch64` is arm64, plain arm is v7. */
export function normalizePlatform(platform: Platform): Platform {
  const os = (platform.os || "linux").toLowerCase();
  const [architecture, variant] = normalizeArchitecture(
    platform.architecture.toLowerCase(),
    (platform.variant ?? "").toLowerCase(),
  );
  return { os: os === "macos" ? "darwin" : os, architecture, ...(variant ? { variant } : {}) };
}

function normalizeArchitecture(architecture: string, variant: string): [string, string] {
  switch (architecture) {
    case "i386":
      return ["386", ""];
    case "x86_64":
    case "x86-64":
    case "amd64":
      return ["amd64", variant === "v1" ? "" : variant];
    case "aarch64":
    case "arm64":
      return ["arm64", variant === "8" || variant === "v8" ? "" : variant];
    case "armhf":
      return ["arm", "v7"];
    case "armel":
      return ["arm", "v6"];
    case "arm":
      if (variant === "") return ["arm", "v7"];
      return ["arm", /^[5-8]$/.test(variant) ? `v${variant}` : variant];
    default:
      return [architecture, variant];
  }
}

/** What runs on `platform`, best first. */
export function platformPreferences(platform: Platform): Platform[] {
  const { os, architecture, variant = "" } = normalizePlatform(platform);
  const version = Number.parseInt(variant.slice(1), 10);
  const list: [string, string][] = [[architecture, variant]];
  if (architecture === "amd64") {
    for (let v = version - 1; v >= 1; v--) list.push(["amd64", `v${v}`]);
    list.push(["386", ""]);
  } else if (architecture === "arm") {
    list.push(...olderArm(version));
  } else if (architecture === "arm64") {
    list.push(...olderArm64(variant), ["arm", "v8"], ...olderArm(8));
  }
  return list.map(([architecture, variant]) => normalizePlatform({ os, architecture, variant }));
}

function olderArm(version: number): [string, string][] {
  const list: [string, string][] = [];
  for (let v = version - 1; v >= 5; v--) list.push(["arm", `v${v}`]);
  return list;
}

function olderArm64(variant: string): [string, string][] {
  const [, majorText = "8", minorText = "0"] = /^v(\d+)(?:\.(\d))?$/.exec(variant) ?? [];
  let [major, minor] = [Number(majorText), Number(minorText)];
  const list: [string, string][] = [];
  const older = () => {
    for (let m = minor - 1; m >= 0; m--) {
      list.push(["arm64", m === 0 ? `v${major}` : `v${major}.${m}`]);
    }
  };
  if (major === 9) {
    older();
    [major, minor] = [8, minor + 5];
    list.push(["arm64", `v8.${minor}`]);
  }
  if (major === 8) older();
  return list;
}

const same = (a: Platform, b: Platform): boolean =>
  a.os === b.os && a.architecture === b.architecture && (a.variant ?? "") === (b.variant ?? "");

/**
 * The manifest of an index that suits `platform` best; of equals the first. One without a platform
 * is taken only if it is the only one. Attestations say that they are for `unknown/unknown` and
 * suit nobody. Undefined if none suits.
 */
export function choosePlatform(
  manifests: readonly Descriptor[],
  platform: Platform,
): Descriptor | undefined {
  const [only, ...others] = manifests;
  if (only && others.length === 0 && only.platform === undefined) return only;
  const offered = manifests.flatMap((manifest) =>
    manifest.platform ? [{ manifest, platform: normalizePlatform(manifest.platform) }] : [],
  );
  for (const wanted of platformPreferences(platform)) {
    const found = offered.find((offer) => same(offer.platform, wanted));
    if (found) return found.manifest;
  }
  return undefined;
}

/** What an index offers, for a message: `linux/amd64, linux/arm64/v8`. */
export function offeredPlatforms(manifests: readonly Descriptor[]): string {
  const texts = manifests.flatMap(({ platform }) => (platform ? [platformText(platform)] : []));
  const real = [...new Set(texts)].filter((text) => text !== "unknown/unknown");
  return real.slice(0, 12).join(", ") + (real.length > 12 ? ", …" : "");
}
