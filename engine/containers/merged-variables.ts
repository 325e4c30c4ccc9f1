// podman's --env-merge: variables of the image in other words, which may have the image's own in them.

import { expand } from "@nacre/core/dockerfile/expansion.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { ImageProcess } from "@nacre/core/oci/image.ts";
import type { ContainerRequest } from "@nacre/core/program/request.ts";
import { DEFAULT_PATH } from "@nacre/core/program/spec.ts";

/**
 * The request with what its merges come to among its variables: each sees those before it, and what
 * is set otherwise wins. One that the image has not is left out, as podman does.
 * NacreError `invalid` of what is no `K=V`, and of what no shell would read.
 */
export function withMergedVariables(
  { mergeEnvironment = [], ...request }: ContainerRequest,
  image: ImageProcess,
): ContainerRequest {
  const known = knownVariables(request, image);
  const merged = new Map<string, string>();
  for (const word of mergeEnvironment) {
    const at = word.indexOf("=");
    if (at < 1) throw refused(word, "a name and a value are needed");
    const name = word.slice(0, at);
    const value = expanded(word, word.slice(at + 1), known);
    if (!known.has(name)) continue;
    known.set(name, value);
    merged.set(name, `${name}=${value}`);
  }
  for (const variable of request.environment) merged.delete(variable.split("=", 1)[0]!);
  return { ...request, environment: [...merged.values(), ...request.environment] };
}

function knownVariables(
  { unsetEnvironment: unset = [] }: ContainerRequest,
  image: ImageProcess,
): Map<string, string> {
  if (unset === "all") return new Map();
  const known = new Map<string, string>();
  for (const variable of [DEFAULT_PATH, ...(image.Env ?? [])]) {
    const [name = ""] = variable.split("=", 1);
    known.set(name, variable.slice(name.length + 1));
  }
  for (const name of unset) known.delete(name);
  return known;
}

function expanded(word: string, value: string, known: ReadonlyMap<string, string>): string {
  try {
    return expand(value, known, { escape: "\\" });
  } catch (error) {
    if (!(error instanceof NacreError)) throw error;
    throw refused(word, error.message);
  }
}

function refused(word: string, why: string): NacreError {
  return new NacreError("invalid", `unable to process variables for --env-merge ${word}: ${why}`, {
    advice: `It is read as in a Dockerfile: --env-merge 'PATH=\${PATH}:/opt/bin'.`,
  });
}
