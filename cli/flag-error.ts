/** The value of an option breaks its grammar; the parser of options adds which option it was. */
export class FlagError extends Error {
  override readonly name = "FlagError";
}

/** A word that is none of those there are. */
export interface UnknownWord {
  readonly word: string;
  readonly known: readonly string[];
}

/** There is no such option. */
export class UnknownFlagError extends FlagError implements UnknownWord {
  readonly word: string;
  readonly known: readonly string[];

  constructor(message: string, word: string, known: readonly string[]) {
    super(message);
    this.word = word;
    this.known = known;
  }
}
