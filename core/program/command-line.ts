import type { ImageProcess } from "../oci/image.ts";
import type { ContainerRequest } from "./request.ts";

/** What a container runs: the two together, entry point first. */
export interface CommandLine {
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
}

/** Docker's rule: the user's entrypoint clears the image's command; the user's command replaces it. */
export function commandLine(
  request: Pick<ContainerRequest, "entrypoint" | "command">,
  image: ImageProcess,
): CommandLine {
  const entrypoint = request.entrypoint ?? image.Entrypoint ?? [];
  const fallback = request.entrypoint === undefined ? (image.Cmd ?? []) : [];
  return { entrypoint, command: request.command.length > 0 ? request.command : fallback };
}
