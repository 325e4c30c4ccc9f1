// What stands for rxjs in the command line's bundles: the engine's bus, and who listens to it. A
// `run` listens for a note or a pull and hears nothing mostly, for a millisecond of rxjs
// (docs/decisions/0045-light-stand-ins.md). Sources, the library and plugins have rxjs itself;
// test/cli/light holds both to the same.

type Listener<T> = (value: T) => void;
type Operator = <T>(source: Subject<T>) => Subject<T>;

/** Says of its own accord one thing after the other, which rxjs leaves to operators. */
export class Subject<T> {
  readonly #listeners = new Set<{ readonly hear: Listener<T> }>();
  readonly #said: T[] = [];
  #speaks = false;
  #ended = false;

  next(value: T): void {
    if (this.#ended) return;
    this.#said.push(value);
    if (this.#speaks) return;
    this.#speaks = true;
    for (let one = this.#said.shift(); one !== undefined; one = this.#said.shift()) this.#say(one);
    this.#speaks = false;
  }

  complete(): void {
    this.#ended = true;
    this.#listeners.clear();
  }

  subscribe(hear: Listener<T>): { unsubscribe(): void } {
    const listener = { hear };
    if (!this.#ended) this.#listeners.add(listener);
    return { unsubscribe: () => this.#listeners.delete(listener) };
  }

  pipe(...operators: readonly Operator[]): Subject<T> {
    return operators.reduce<Subject<T>>((source, operator) => operator(source), this);
  }

  #say(value: T): void {
    for (const listener of [...this.#listeners]) {
      if (!this.#listeners.has(listener)) continue; // another one has sent it away
      try {
        listener.hear(value);
      } catch (error) {
        // Nobody else is kept from hearing it.
        setTimeout(() => {
          throw error;
        });
      }
    }
  }
}

export const queueScheduler = undefined;
export const observeOn =
  (_scheduler: typeof queueScheduler): Operator =>
  (source) =>
    source;
export const share = (): Operator => (source) => source;
