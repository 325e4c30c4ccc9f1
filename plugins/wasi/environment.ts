// The module's environment, which travels in one variable: Node takes options from its own.

export const ENVIRONMENT = "NACRE_WASI_ENVIRONMENT";

/** `K=V` by name; what has no `=` is a name without a value. */
export function environmentOf(entries: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    entries.map((entry) => {
      const equals = entry.indexOf("=");
      return equals < 0 ? [entry, ""] : [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
}
