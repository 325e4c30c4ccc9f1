// Contexts that are git repositories: `https://host/repo.git#ref:subdirectory`. This machine's own
// git fetches them, in a container over its root (clone of BuildServices).

import { NacreError } from "@nacre/core/error.ts";
import type { BuildServices } from "./build-services.ts";

export interface GitAddress {
  readonly repository: string;
  /** A branch, a tag or a commit; absent: what the repository is at. */
  readonly reference?: string;
  readonly subdirectory: string;
}

/** Whether words name a git repository, by docker's rules. */
export const isGitAddress = (text: string): boolean =>
  /^(git@[\w.-]+:|git:\/\/|ssh:\/\/|github\.com\/)/.test(text) ||
  /^(https?|file):\/\/[^#]+\.git(#|$)/.test(text);

/** NacreError `invalid`. */
export function parseGitAddress(text: string): GitAddress {
  const [, address = "", reference = "", subdirectory = ""] =
    /^([^#]+)(?:#([^:]*)(?::(.*))?)?$/.exec(text) ?? [];
  const climbs = subdirectory.split("/").includes("..");
  // What begins with a dash would be an option of git.
  if (address === "" || climbs || [address, reference].some((one) => one.startsWith("-"))) {
    throw new NacreError("invalid", `${JSON.stringify(text)} names no git repository`, {
      advice: "It looks like https://example.org/repository.git#branch:directory.",
    });
  }
  const repository = address.startsWith("github.com/") ? `https://${address}` : address;
  return {
    repository,
    ...(reference !== "" && { reference }),
    subdirectory: subdirectory.replace(/^\/+|\/+$/g, ""),
  };
}

/** Fetches a repository; the directory of this machine that holds what is wanted of it. */
export async function gitContext(
  { scratch, clone }: Pick<BuildServices, "scratch" | "clone">,
  address: string,
): Promise<string> {
  const { subdirectory } = parseGitAddress(address);
  const place = scratch.place();
  await clone(address, place);
  return subdirectory === "" ? `${place}/tree` : `${place}/tree/${subdirectory}`;
}
