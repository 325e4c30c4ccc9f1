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
  const service = (): T => {
    made ??= make();
    return made;
  };
  // What is set on what stands for it is its own, as a test's spy is.
  return new Proxy({ ...known } as T, {
    get(own, name) {
      if (Object.hasOwn(own, name)) return Reflect.get(own, name);
      // No service is a promise; whoever is handed one by a promise asks whether it is.
      if (name === "then") return undefined;
      const member = Reflect.get(service(), name);
      // Private fields are the service's: its methods do not work on what stands for it.
      return typeof member === "function" ? member.bind(service()) : member;
    },
    has: (own, name) => Object.hasOwn(own, name) || name in service(),
    getPrototypeOf: () => Reflect.getPrototypeOf(service()),
  });
}
