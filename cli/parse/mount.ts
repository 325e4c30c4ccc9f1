// Mounts as -v and --tmpfs take them.
//
//   -v SOURCE:TARGET[:OPTIONS]   a directory or file of this machine, seen in the container
//   --tmpfs TARGET[:OPTIONS]     an empty file system in memory

import { NacreError } from "@nacre/core/error.ts";
import type { RequestedMount } from "@nacre/core/program/request.ts";
import { FlagError } from "../flag-error.ts";

/** A -v as it was written, before it is known whether this engine can do it. */
export interface VolumeSpec {
  readonly type: "bind" | "volume";
  readonly source?: string;
  readonly target: string;
  readonly options: readonly string[];
}

/** Takes a -v apart. @throws FlagError */
export function parseVolume(text: string): VolumeSpec {
  if (text === "") throw new FlagError("invalid empty volume spec");
  if (text.length <= 2) return { type: "volume", target: text, options: [] };
  const sections = splitColons(text);
  if (sections.includes("")) {
    throw new FlagError(`invalid spec: ${text}: empty section between colons`);
  }
  if (sections.length > 3) throw new FlagError(`invalid spec: ${text}: too many colons`);
  const [first, target, options] = sections as [string, string?, string?];
  if (target === undefined) return { type: "volume", target: first, options: [] };
  return {
    type: isPath(first) ? "bind" : "volume",
    source: first,
    target,
    options: options?.split(",") ?? [],
  };
}

/** Colons part the sections, but not the one of a Windows drive, `c:\…`. */
function splitColons(text: string): string[] {
  const drive = /^[A-Za-z]:[\\/]/.test(text);
  const sections = (drive ? text.slice(2) : text).split(":");
  if (drive) sections[0] = text.slice(0, 2) + sections[0];
  return sections;
}

function isPath(source: string): boolean {
  return /^[./~]/.test(source) || /^[A-Za-z]:[\\/]/.test(source);
}

const PROPAGATION: Record<string, { mode: "private" | "slave" | "shared"; recursive: boolean }> = {
  private: { mode: "private", recursive: false },
  rprivate: { mode: "private", recursive: true },
  slave: { mode: "slave", recursive: false },
  rslave: { mode: "slave", recursive: true },
  shared: { mode: "shared", recursive: false },
  rshared: { mode: "shared", recursive: true },
};

/** Labels for SELinux and hints for file sharing with virtual machines: no meaning here. */
const WITHOUT_MEANING = new Set(["rw", "z", "Z", "cached", "delegated", "consistent"]);

/**
 * The mount that a -v asks for.
 * @param workingDirectory what a relative source is relative to
 * @throws FlagError for a mode that docker refuses; NacreError `unsupported` for named volumes
 */
export function bindOf(spec: VolumeSpec, workingDirectory: string): RequestedMount {
  if (spec.type === "volume" || spec.source === undefined) {
    const what = spec.source === undefined ? spec.target : `${spec.source}:${spec.target}`;
    throw new NacreError("unsupported", `cannot mount ${what}: volumes are not supported`, {
      advice: "Mount a directory of this machine instead: -v /some/directory:/target.",
    });
  }
  if (!spec.target.startsWith("/")) {
    throw new FlagError(`invalid mount path: '${spec.target}' mount path must be absolute`);
  }
  let readOnly = false;
  let propagation = PROPAGATION.rprivate!;
  for (const option of spec.options) {
    if (option === "ro") readOnly = true;
    else if (Object.hasOwn(PROPAGATION, option)) propagation = PROPAGATION[option]!;
    else if (!WITHOUT_MEANING.has(option)) throw new FlagError(`invalid mode: ${option}`);
  }
  return {
    type: "bind",
    source: absolute(spec.source, workingDirectory),
    target: spec.target,
    readOnly,
    recursive: true,
    propagation: propagation.mode,
  };
}

function absolute(source: string, workingDirectory: string): string {
  if (source.startsWith("/")) return source;
  return source === "." ? workingDirectory : `${workingDirectory}/${source}`;
}

/** @throws FlagError */
export function parseTmpfs(text: string): RequestedMount {
  const at = text.indexOf(":");
  const target = at < 0 ? text : text.slice(0, at);
  if (!target.startsWith("/")) {
    throw new FlagError(`invalid mount path: '${target}' mount path must be absolute`);
  }
  const options = at < 0 ? [] : text.slice(at + 1).split(",");
  return { type: "tmpfs", target, options: options.filter((option) => option !== "") };
}
