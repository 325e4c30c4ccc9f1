// Normalised references, taken apart without asking the core: the engine made them, so the places
// of their signs are known.

import { Reference } from "@nacre/core/reference.ts";

/** @param normalised such as `docker.io/library/debian:12` or `ghcr.io/o/app@sha256:…` */
export function referenceOf(normalised: string): Reference {
  const at = normalised.indexOf("@");
  const named = at < 0 ? normalised : normalised.slice(0, at);
  const slash = named.indexOf("/");
  const colon = named.lastIndexOf(":");
  const tagged = colon > slash;
  return new Reference(
    named.slice(0, slash),
    named.slice(slash + 1, tagged ? colon : undefined),
    tagged ? named.slice(colon + 1) : undefined,
    at < 0 ? undefined : normalised.slice(at + 1),
  );
}

/** As people type it: `debian:12`. */
export function familiarName(normalised: string): string {
  return normalised.includes("/") ? referenceOf(normalised).familiar() : normalised;
}
