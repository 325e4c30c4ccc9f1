// Implementations of a port by name: those that the engine brings, and those of plugins, which are
// loaded when they are asked for.

import { NacreError } from "@nacre/core/error.ts";
import type { ExtensionPort, ExtensionPorts, Extensions } from "@nacre/core/ports/extensions.ts";

export class Named<P extends ExtensionPort> {
  readonly #port: P;
  readonly #noun: string;
  readonly #known: Map<string, ExtensionPorts[P]>;
  readonly #extensions: Extensions | undefined;

  /** `noun`: what a person calls it, as in "network x not found". */
  constructor(
    port: P,
    noun: string,
    own: readonly ExtensionPorts[P][],
    extensions: Extensions | undefined,
  ) {
    this.#port = port;
    this.#noun = noun;
    this.#known = new Map(own.map((one) => [one.name, one]));
    this.#extensions = extensions;
  }

  /** NacreError `not-found`, naming those there are; `plugin` where one cannot be loaded. */
  async load(name: string): Promise<ExtensionPorts[P]> {
    const known = this.#known.get(name);
    if (known) return known;
    const found = await this.#extensions?.find(this.#port, name);
    if (!found) throw this.#absent(name);
    this.#known.set(name, found);
    return found;
  }

  /** Those that the engine brings and those that were loaded. */
  own(): ExtensionPorts[P][] {
    return [...this.#known.values()];
  }

  /** One that the engine brings or that was loaded. NacreError `not-found`. */
  get(name: string): ExtensionPorts[P] {
    const known = this.#known.get(name);
    if (known) return known;
    throw this.#absent(name);
  }

  #absent(name: string): NacreError {
    const offered = new Set([
      ...this.#known.keys(),
      ...(this.#extensions?.names(this.#port) ?? []),
    ]);
    return new NacreError("not-found", `${this.#noun} ${name} not found`, {
      advice: `There are: ${[...offered].join(", ")}.`,
    });
  }
}
