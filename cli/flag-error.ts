/** The value of an option breaks its grammar; the parser of options adds which option it was. */
export class FlagError extends Error {
  override readonly name = "FlagError";
}
