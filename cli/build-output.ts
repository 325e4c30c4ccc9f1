// Where the result of a build goes beside this machine's images.

import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { NacreError } from "@nacre/core/error.ts";
import type { BuiltImage } from "@nacre/engine/engine.ts";
import type { BuildOutput } from "./build-options.ts";
import type { Host } from "./host.ts";
import { refuseTerminal, writeArchive } from "./write-archive.ts";

const fileOf = ({ dest }: BuildOutput): string | undefined => (dest === "-" ? undefined : dest);

/** Before anything is built. NacreError `invalid`, `unsupported`. */
export function checkOutput(output: BuildOutput, host: Host): void {
  const { type, dest } = output;
  if (type === "tar" || type === "oci") refuseTerminal(host, fileOf(output));
  if (type === "oci" || (type === "docker" && dest !== undefined)) {
    throw new NacreError("unsupported", `--output type=${type} to a file comes with nacre save`, {
      advice: "Build it here, and push it.",
    });
  }
}

export async function writeOutput(
  output: BuildOutput,
  image: BuiltImage,
  host: Host,
  signal: AbortSignal,
): Promise<void> {
  const { type, dest } = output;
  if (type === "local") {
    const directory = resolve(host.workingDirectory, dest ?? "");
    mkdirSync(directory, { recursive: true });
    await (await host.localFiles()).extract(directory, ".", image.entries(), signal);
  } else if (type === "tar") await writeArchive(host, fileOf(output), image.files(), signal);
}
