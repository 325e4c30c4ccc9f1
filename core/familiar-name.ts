// The names that people type most, without the core.

/** `debian`, `debian:12`: one component of a path, a tag. Shorter than an ID, or a digest. */
const FAMILIAR = /^(?=[^:]{1,63}(?::|$))([a-z0-9]+(?:-[a-z0-9]+)*)(?::(\w[\w.-]{0,30}))?$/;

/** A normalised reference as people type it, for messages where there is no core. */
export const typedName = (normalised: string): string =>
  normalised.replace(/^docker\.io\/(library\/(?!.*\/))?/, "");

/**
 * What the core makes of a name of the simplest form, normalised and with its tag. Undefined for
 * every other form, which is the core's to read: that takes two milliseconds to load, for a lookup
 * of ten microseconds. The core decides what is right; test/core/reference.test.ts holds this to it.
 */
export function simpleFamiliarName(text: string): string | undefined {
  const [, name, tag = "latest"] = FAMILIAR.exec(text) ?? [];
  return name === undefined ? undefined : `docker.io/library/${name}:${tag}`;
}
