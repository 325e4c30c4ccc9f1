// Leaves what is being carried out: break, continue, return, exit.

export class Jump extends Error {
  readonly kind: "break" | "continue" | "return" | "exit";
  /** How many loops, or the status. */
  readonly value: number;

  constructor(kind: Jump["kind"], value: number) {
    super(kind);
    this.kind = kind;
    this.value = value;
  }
}
