// How what loads an entry's bundle has it begin. The bundle is a chunk among others, which exports
// what they ask of it under names of the bundler's: what is called once stands elsewhere.

type EntryPoints = Record<symbol, (() => void) | undefined>;
const points = globalThis as unknown as EntryPoints;
const symbolOf = (name: "nacre" | "oci"): symbol => Symbol.for(`nacre.entry.${name}`);

/** Said by an entry that was loaded; it begins when it is called. */
export function offer(name: "nacre" | "oci", begin: () => void): void {
  points[symbolOf(name)] = begin;
}

/** Begins what was offered last under that name. */
export function begin(name: "nacre" | "oci"): void {
  points[symbolOf(name)]?.();
}
