// Mounts as -v and --tmpfs take them; --mount is in mount-option.ts.
//
//   -v SOURCE:TARGET[:OPTIONS]   a directory or file of this machine, seen in the container
//   -v NAME:TARGET[:OPTIONS]     a volume by its name, made where it is not there
//   -v TARGET                    a new volume, which goes with the container
//   --tmpfs TARGET[:OPTIONS]     an empty file system in memory

import type {
  BindRequest,
  IdMapRequest,
  RequestedMount,
  TmpfsRequest,
  VolumeRequest,
} from "@nacre/core/program/request.ts";
import { FlagError } from "../flag-error.ts";
import type { Host } from "../host.ts";
import { parseIdMap } from "./id-map.ts";

/** A -v as it was written, before its options were understood. */
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

const PROPAGATION: Readonly<Record<string, BindRequest["propagation"]>> = {
  ...{ private: "private", rprivate: "private" },
  ...{ slave: "slave", rslave: "slave" },
  ...{ shared: "shared", rshared: "shared" },
};

/** A mode of propagation by its name; undefined for a word that is none. */
export function propagationOf(word: string): BindRequest["propagation"] | undefined {
  return Object.hasOwn(PROPAGATION, word) ? PROPAGATION[word] : undefined;
}

/** Labels for SELinux and hints for file sharing with virtual machines: no meaning here. */
const WITHOUT_MEANING = new Set(["rw", "z", "Z", "cached", "delegated", "consistent"]);

interface VolumeOptions {
  readOnly: boolean;
  noCopy: boolean;
  propagation: BindRequest["propagation"];
  idmap: IdMapRequest | undefined;
}

function optionsOf({ options, type }: VolumeSpec): VolumeOptions {
  const read: VolumeOptions = {
    ...{ readOnly: false, noCopy: false },
    ...{ propagation: "private", idmap: undefined },
  };
  for (const option of options) {
    const propagation = type === "bind" ? propagationOf(option) : undefined;
    if (option === "ro") read.readOnly = true;
    else if (option === "nocopy" && type === "volume") read.noCopy = true;
    else if (propagation !== undefined) read.propagation = propagation;
    else if (/^idmap(=|$)/.test(option) && type === "bind") {
      read.idmap = parseIdMap(option.slice("idmap=".length));
    } else if (option === "U") {
      throw new FlagError(
        "invalid mode: U: the files of this machine keep their owners. Use idmap, which shows them as the container's own",
      );
    } else if (!WITHOUT_MEANING.has(option)) throw new FlagError(`invalid mode: ${option}`);
  }
  checkOnce(options);
  return read;
}

const ACCESS = new Set(["ro", "rw"]);
const LABELS = new Set(["z", "Z"]);

/** Docker's rule: of each kind of option there is one at most. @throws FlagError */
function checkOnce(options: readonly string[]): void {
  const kinds = [ACCESS, LABELS, { has: (word: string) => propagationOf(word) !== undefined }];
  if (kinds.every((kind) => options.filter((option) => kind.has(option)).length <= 1)) return;
  throw new FlagError(`invalid mode: ${options.join(",")}`);
}

/** What cannot be mounted on. @throws FlagError */
function checkTarget(target: string): void {
  if (target.startsWith("/")) return;
  const drive = /^[A-Za-z]:\//.test(target)
    ? "; a letter and a colon are a drive, as docker has it: names of volumes have two characters at least"
    : "";
  throw new FlagError(`invalid mount path: '${target}' mount path must be absolute${drive}`);
}

/**
 * The mount that a -v asks for.
 * @param host has what a relative source is relative to
 * @throws FlagError for a mode or a target that docker refuses
 */
export function mountOf(
  spec: VolumeSpec,
  host: Pick<Host, "workingDirectory">,
): BindRequest | VolumeRequest {
  const { source, target } = spec;
  checkTarget(target);
  if (source?.startsWith("~")) {
    throw new FlagError(
      `invalid volume name ${JSON.stringify(source)}: the shell replaces ~ only at the beginning of a word. Write $HOME, or ./${source} for a directory of that name`,
    );
  }
  const { readOnly, noCopy, propagation, idmap } = optionsOf(spec);
  const written = spec.options.length > 0 && { mode: spec.options.join(",") };
  if (spec.type === "volume" || source === undefined) {
    return {
      type: "volume",
      ...(source !== undefined && { name: source }),
      target,
      readOnly,
      ...(noCopy && { noCopy }),
      ...written,
    };
  }
  return {
    type: "bind",
    source: absolute(source, host),
    target,
    readOnly,
    recursive: true,
    propagation,
    ...(idmap && { idmap }),
    ...written,
  };
}

/** A name of this machine's own tree, from its root on. */
export function absolute(source: string, host: Pick<Host, "workingDirectory">): string {
  if (source.startsWith("/")) return source;
  const { workingDirectory } = host;
  return source === "." ? workingDirectory : `${workingDirectory}/${source}`;
}

/** @throws FlagError */
export function parseTmpfs(text: string): TmpfsRequest {
  const at = text.indexOf(":");
  const target = at < 0 ? text : text.slice(0, at);
  checkTarget(target);
  const options = at < 0 ? [] : text.slice(at + 1).split(",");
  return { type: "tmpfs", target, options: options.filter((option) => option !== "") };
}

/** Docker's rule: a place can be mounted on once. @throws FlagError */
export function checkTargets(mounts: readonly RequestedMount[]): void {
  const taken = new Set<string>();
  for (const { target } of mounts) {
    const place = target.replace(/\/+/g, "/").replace(/(?<=.)\/$/, "");
    if (taken.has(place)) throw new FlagError(`duplicate mount point: ${target}`);
    taken.add(place);
  }
}
