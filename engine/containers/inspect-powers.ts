// The powers that a container's first process gets, as podman's `inspect` has them: what is in
// effect, and what can never be had beyond.

import {
  type CapabilityChoice,
  chosenCapabilities,
  DEFAULT_CAPABILITIES,
} from "@nacre/core/program/capabilities.ts";
import type { ContainerRequest } from "@nacre/core/program/request.ts";
import type { ImageRecord } from "@nacre/core/state/records.ts";

/** Whether a user is root there, by what the image says of accounts: others hold no power. */
function isRoot(user: string, image: Pick<ImageRecord, "passwd"> | undefined): boolean {
  const name = user.split(":", 1)[0] ?? "";
  if (name === "" || /^0+$/.test(name)) return true;
  if (/^\d+$/.test(name)) return false;
  const lines = (image?.passwd ?? "").split("\n").map((line) => line.split(":"));
  const uid = lines.find(([known]) => known === name)?.[2];
  return uid === undefined ? name === "root" : /^0+$/.test(uid);
}

const chosen = (choice: CapabilityChoice | undefined, available: () => readonly string[]) =>
  choice ? chosenCapabilities(choice, available) : DEFAULT_CAPABILITIES;

/** `available`: all that this machine can give. */
export function powersJson(
  { privileged, capabilities, user }: ContainerRequest,
  image: ImageRecord | undefined,
  available: () => readonly string[],
): Record<string, readonly string[]> {
  const bounding = privileged ? available() : chosen(capabilities, available);
  const holds = isRoot(user ?? image?.config.config?.User ?? "", image);
  return { EffectiveCaps: holds ? bounding : [], BoundingCaps: bounding };
}
