/** The value of an option breaks its grammar; the parser of options adds which option it was. */
export class FlagError extends Error {
  override readonly name = "FlagError";
}

/** A word that is none of those there are. */
export interface UnknownWord {
  readonly word: string;
  readonly known: readonly string[];
}

/** A template cannot be read, or what it is given is not as it expects. */
export class TemplateError extends FlagError {
  /** Docker tells these from other words that cannot be read. */
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
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
