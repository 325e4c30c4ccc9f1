// How what loads a bundle has something in it begin. A bundle is a chunk among others, which exports
// what they ask of it under names of the bundler's: what is called by its own name stands elsewhere.

/** The two entries, and what compiles the core. */
type Name = "nacre" | "oci" | "core";

const points = globalThis as unknown as Record<symbol, (() => unknown) | undefined>;
const symbolOf = (name: Name): symbol => Symbol.for(`nacre.${name}`);

/** Said by a module that is loaded; it begins when it is called. */
export function offer(name: Name, act: () => unknown): void {
  points[symbolOf(name)] = act;
}

/** Begins what was offered last under that name. */
export function begin(name: Name): void {
  points[symbolOf(name)]?.();
}
