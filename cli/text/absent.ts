// What docker's JSON leaves out where it is not, and its templates may ask for all the same: there it
// is a field of Go's, empty. Here it is a property that JSON does not show.

/** Gives `object`, if it is one, those of `names` that it lacks. */
export function withAbsent(object: unknown, names: readonly string[], value: unknown = null): void {
  if (typeof object !== "object" || object === null) return;
  for (const name of names) {
    if (!Object.hasOwn(object, name)) Object.defineProperty(object, name, { value });
  }
}
