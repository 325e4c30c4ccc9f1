// A port's token stands beside its interface and has its name. The core knows no container of
// dependencies: a token is a symbol that remembers its type, which inversify takes as it is.

declare const carried: unique symbol;

/** A symbol under which an implementation of T is bound. */
export type Token<T> = symbol & { readonly [carried]: T };

/** Of one name there is one, also across copies of this module: a plugin's is ours. */
export function token<T>(name: string): Token<T> {
  return Symbol.for(`nacre.${name}`) as Token<T>;
}
