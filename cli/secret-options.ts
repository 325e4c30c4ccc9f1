// `--secret` of run and create, as podman has it: SECRET[,option=value …].

import type { SecretRequest } from "@nacre/core/program/request.ts";
import { FlagError } from "./flag-error.ts";
import { list } from "./options.ts";

export const SECRET_OPTIONS = {
  secret: list(
    ["secret"],
    "name[,opt=…]",
    "A copy of a secret: type=mount (at /run/secrets, or target=…, with uid, gid, mode) or type=env",
    parseSecret,
    "secrets",
  ),
};

/** @throws FlagError */
function parseSecret(word: string): SecretRequest {
  const [first = "", ...options] = word.split(",");
  const source = first.replace(/^source=/, "");
  if (source === "" || source.includes("=")) {
    throw new FlagError("the name of a secret must come first, as in name,target=path");
  }
  let request: SecretRequest = { source, type: "mount" };
  for (const option of options) request = { ...request, ...parsed(option) };
  return request;
}

function parsed(option: string): Partial<SecretRequest> {
  const at = option.indexOf("=");
  if (at < 0) throw new FlagError(`option ${option} must be in form option=value`);
  const value = option.slice(at + 1);
  switch (option.slice(0, at)) {
    case "source":
      return { source: value };
    case "type":
      if (value === "mount" || value === "env") return { type: value };
      throw new FlagError(`type ${value} is invalid: it is mount or env`);
    case "target":
      return { target: value };
    case "uid":
      return { uid: numberOf("UID", value, /^\d{1,10}$/, 10) };
    case "gid":
      return { gid: numberOf("GID", value, /^\d{1,10}$/, 10) };
    case "mode":
      return { mode: numberOf("mode", value, /^[0-7]{1,5}$/, 8) };
    default:
      throw new FlagError(`option ${option} invalid: there are type, target, uid, gid and mode`);
  }
}

function numberOf(what: string, value: string, pattern: RegExp, base: number): number {
  if (pattern.test(value)) return Number.parseInt(value, base);
  throw new FlagError(`${what} ${value} invalid`);
}
