// The reference grammar read naively: distribution's published regular expressions, kept as facts,
// and its normalisation in a few lines over strings.

import { readFileSync } from "node:fs";

const { grammar } = JSON.parse(
  readFileSync(new URL("facts/references.json", import.meta.url), "utf8"),
) as { grammar: { reference: string; name: string; domain: string; identifier: string } };

const javascript = (source: string): string => source.replaceAll("[:xdigit:]", "0-9a-fA-F");
const reference = new RegExp(javascript(grammar.reference));
const path = "[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*)*";
const name = new RegExp(`^(?:(${javascript(grammar.domain)})/)?(${path})$`);
const identifier = new RegExp(`^${grammar.identifier}$`);

export interface NaiveReference {
  domain: string;
  path: string;
  tag: string | undefined;
  digest: string | undefined;
}

function digestFault(text: string): string | undefined {
  const [, algorithm, encoded] = /^([^:]+):(.+)$/s.exec(text) ?? [];
  if (algorithm === undefined || encoded === undefined) return "DigestErrInvalidFormat";
  const bits = { sha256: 256, sha384: 384, sha512: 512 }[algorithm];
  if (bits === undefined) {
    const known = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/.test(text);
    return known ? "DigestErrUnsupported" : "DigestErrInvalidFormat";
  }
  if (Buffer.byteLength(encoded) * 4 !== bits) return "DigestErrInvalidLength";
  return /^[a-f0-9]+$/.test(encoded) ? undefined : "DigestErrInvalidFormat";
}

function plain(text: string): NaiveReference | string {
  if (text === "") return "ErrNameEmpty";
  const found = reference.exec(text);
  if (found === null) {
    const folded = text.replace(/[A-Z]/g, (c) => c.toLowerCase());
    return folded !== text && reference.test(folded)
      ? "ErrNameContainsUppercase"
      : "ErrReferenceInvalidFormat";
  }
  const [, domain = "", path = ""] = name.exec(found[1]!)!;
  if (path.length > 255) return "ErrNameTooLong";
  const fault = found[3] === undefined ? undefined : digestFault(found[3]);
  return fault ?? { domain, path, tag: found[2], digest: found[3] };
}

function withName(text: string): NaiveReference | string {
  const found = name.exec(text);
  if (found === null) return "ErrReferenceInvalidFormat";
  if (found[2]!.length > 255) return "ErrNameTooLong";
  return { domain: found[1] ?? "", path: found[2]!, tag: undefined, digest: undefined };
}

function normalized(text: string): NaiveReference | string {
  if (identifier.test(text)) return "ErrNameIsIdentifier";
  let domain = "docker.io";
  let rest = text;
  const slash = text.indexOf("/");
  const before = text.slice(0, slash);
  if (slash >= 0 && (before === "localhost" || /[.:A-Z]/.test(before))) {
    domain = before === "index.docker.io" ? "docker.io" : before;
    rest = text.slice(slash + 1);
  }
  if (domain === "docker.io" && !rest.includes("/")) rest = `library/${rest}`;
  if (/[A-Z]/.test(rest.split(":")[0]!)) return "ErrNameContainsUppercase";
  return plain(`${domain}/${rest}`);
}

/** The parts of `text`, the address of a bare digest, or the name of a fault. */
export function naiveReference(text: string, form: string): NaiveReference | string {
  if (form === "plain") return plain(text);
  if (form === "name") return withName(text);
  if (form === "any" && identifier.test(text)) return `sha256:${text}`;
  if (form === "any" && digestFault(text) === undefined) return text;
  const found = normalized(text);
  if (form !== "docker" || typeof found === "string") return found;
  if (found.digest !== undefined) return { ...found, tag: undefined };
  return { ...found, tag: found.tag ?? "latest" };
}
