// What a registry answers when it wants to know who asks: the WWW-Authenticate field
// (RFC 9110, section 11.6.1).
//
//   WWW-Authenticate: Bearer realm="https://auth.example/token",service="registry.example", Basic realm="x"
//
//   field      = challenge *( OWS "," OWS challenge )
//   challenge  = scheme [ 1*SP ( token68 / parameter *( OWS "," OWS parameter ) ) ]
//   parameter  = token BWS "=" BWS ( token / quoted-string )
//
// The comma separates both challenges and parameters; what follows it is a parameter if a "="
// comes after its first token.

export interface Challenge {
  /** In lower case: `basic`, `bearer`. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const PARAMETER = /([!#$%&'*+.^_`|~\w-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/y;
const SCHEME = /([!#$%&'*+.^_`|~\w-]+)(?:[ \t]+(?=[^ \t,])|[ \t]*(?=,|$))/y;
const TOKEN68 = /[\w.~+/-]+=*[ \t]*(?=,|$)/y;
const SEPARATOR = /[ \t]*,?[ \t]*/y;

/** All challenges of a field, in order. What is malformed ends the list: it never throws. */
export function parseChallenges(field: string): Challenge[] {
  const challenges: Challenge[] = [];
  let parameters = new Map<string, string>();
  let at = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(field);
    if (found) at = pattern.lastIndex;
    return found;
  };
  while (at < field.length) {
    const start = at;
    match(SEPARATOR);
    const parameter = challenges.length > 0 ? match(PARAMETER) : null;
    if (parameter) {
      const [, name, quoted, plain] = parameter;
      parameters.set(name!.toLowerCase(), quoted?.replace(/\\(.)/g, "$1") ?? plain!);
      continue;
    }
    const scheme = match(SCHEME);
    if (!scheme) {
      if (!match(TOKEN68) || at === start) break;
      continue;
    }
    parameters = new Map();
    challenges.push({ scheme: scheme[1]!.toLowerCase(), parameters });
  }
  return challenges;
}
