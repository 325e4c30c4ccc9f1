/**
 * Stands for a service that many commands never call: `make` is called, and what the service is
 * made of is loaded, when a member of it is first asked for. What `make` throws is thrown there.
 * `known`: members that can be told without it.
 *
 * ```ts
 * const planner = whenUsed(() => new Planner(kernel, files));
 * ```
 */
export function whenUsed<T extends object>(make: () => T, known: Partial<T> = {}): T {
  let made: T | undefined;
  return new Proxy(Object.create(null), {
    get(_, name) {
      // No service is a promise; whoever is handed one by a promise asks whether it is.
      if (name === "then") return undefined;
      if (name in known) return Reflect.get(known, name);
      made ??= make();
      const member = Reflect.get(made, name);
      // Private fields are the service's own: its methods do not work on what stands for it.
      return typeof member === "function" ? member.bind(made) : member;
    },
  });
}
