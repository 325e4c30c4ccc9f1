// Where the result of a build goes beside this machine's images.

import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import type { BuiltImage, Images } from "@nacre/engine/engine.ts";
import type { BuildOutput } from "./build-options.ts";
import type { Host } from "./host.ts";
import { refuseTerminal, writeArchive } from "./write-archive.ts";

const fileOf = ({ dest }: BuildOutput): string | undefined => (dest === "-" ? undefined : dest);

/** Whether no image is to stay here for it. */
export const isForItself = ({ type, dest }: BuildOutput): boolean =>
  type !== "image" && (type !== "docker" || dest !== undefined);

/** Before anything is built. NacreError `invalid`. */
export function checkOutput(output: BuildOutput, host: Host): void {
  const { type, dest } = output;
  const toFile = type === "tar" || type === "oci" || (type === "docker" && dest !== undefined);
  if (toFile) refuseTerminal(host, fileOf(output));
}

/**
 * Nothing for an image that stays here. A tree is written below `dest` by the caller, an archive to
 * `dest` or to standard output; when `signal` aborts what was begun is discarded.
 */
export async function writeOutput(
  output: BuildOutput,
  image: BuiltImage,
  images: Images,
  host: Host,
  signal: AbortSignal,
): Promise<void> {
  const { type, dest } = output;
  if (type === "local") {
    const directory = resolve(host.workingDirectory, dest ?? "");
    mkdirSync(directory, { recursive: true });
    await (await host.localFiles()).extract(directory, ".", image.entries(), signal);
    return;
  }
  if (type === "image" || (type === "docker" && dest === undefined)) return;
  const archive = type === "tar" ? image.files() : images.save(...savedAs(type, image));
  await writeArchive(host, fileOf(output), archive, signal);
}

/** As an archive that docker loads, or an OCI layout alone. */
function savedAs(type: "docker" | "oci", { id, references }: BuiltImage) {
  const format = type === "docker" ? "docker-archive" : "oci-archive";
  return [[id], { format, names: references }] as const;
}
