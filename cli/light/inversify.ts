// What stands for inversify in the command line's bundles: as much of it as modules and the
// composition root use. Reading inversify in and finding its way through fifteen bindings once is a
// tenth of what a `run` takes beyond Node itself (docs/decisions/0045-light-stand-ins.md). Sources,
// the library and plugins have inversify; test/cli/light holds both to the same.

/** A port's token, or a class that stands for itself. */
type Port = symbol | (abstract new (...given: never[]) => unknown);

interface WordyNeed {
  readonly serviceIdentifier: Port;
  readonly isMultiple?: boolean;
  readonly optional?: boolean;
}
type Need = Port | WordyNeed;

interface Binding {
  readonly port: Port;
  make(): unknown;
}

/** @param load binds what the module has */
export class ContainerModule {
  readonly load: (given: Pick<Container, "bind" | "rebind">) => void;
  constructor(load: ContainerModule["load"]) {
    this.load = load;
  }
}

export class Container {
  #bindings: Binding[] = [];

  readonly bind = (port: Port) => {
    const binding: Binding = { port, make: () => nothing(port, "is bound to nothing") };
    this.#bindings.push(binding);
    return {
      toConstantValue: (value: unknown): void => {
        binding.make = () => value;
      },
      /** Made anew each time, unless a singleton is wished for. */
      toResolvedValue: (make: (...needed: never[]) => unknown, needs: readonly Need[]) => {
        const made = () => make(...(needs.map((need) => this.#needed(need)) as never[]));
        binding.make = made;
        return {
          inSingletonScope: (): void => {
            binding.make = () => {
              const value = made();
              binding.make = () => value;
              return value;
            };
          },
        };
      },
      toService: (other: Port): void => {
        binding.make = () => this.get(other);
      },
    };
  };

  /** In place of whatever was bound. */
  readonly rebind = (port: Port) => {
    this.#bindings = this.#bindings.filter((binding) => binding.port !== port);
    return this.bind(port);
  };

  async load(...modules: readonly ContainerModule[]): Promise<void> {
    for (const { load } of modules) load({ bind: this.bind, rebind: this.rebind });
  }

  /** @throws Error unless exactly one is bound */
  get<T>(port: Port): T {
    return this.#needed(port) as T;
  }

  #needed(need: Need): unknown {
    const wordy: WordyNeed = typeof need === "object" ? need : { serviceIdentifier: need };
    const { serviceIdentifier: port, isMultiple, optional } = wordy;
    const bound = this.#bindings.filter((binding) => binding.port === port);
    if (isMultiple) return bound.map(({ make }) => make());
    const [first, second] = bound;
    if (second) return nothing(port, "is bound more than once");
    return first || optional ? first?.make() : nothing(port, "is not bound");
  }
}

function nothing(port: Port, why: string): never {
  const name = typeof port === "symbol" ? port.description : port.name;
  throw new TypeError(`${name} ${why}`);
}
