// Names and addresses: --add-host, --dns, --dns-search.

import { isIP } from "node:net";
import { FlagError } from "../flag-error.ts";

/** `NAME:ADDRESS` or `NAME=ADDRESS`; an IPv6 address may stand in brackets. @throws FlagError */
export function parseExtraHost(text: string): string {
  const [, name, given = ""] = /^([^:=]+)[:=](.*)$/s.exec(text) ?? [];
  if (name === undefined) throw new FlagError(`bad format for add-host: ${JSON.stringify(text)}`);
  const address = given.replace(/^\[(.*)\]$/, "$1");
  if (address !== "host-gateway" && isIP(address) === 0) {
    throw new FlagError(`invalid IP address in add-host: ${JSON.stringify(given)}`);
  }
  return `${name}:${address}`;
}

/** @throws FlagError */
export function parseAddress(text: string): string {
  const address = text.trim();
  if (isIP(address) !== 0) return address;
  throw new FlagError(`IP address is not correctly formatted: ${text}`);
}

const LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
const DOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})*\\.?$`);

/** A lone dot is docker's way to say that there is no search domain. @throws FlagError */
export function parseSearchDomain(text: string): string {
  const domain = text.trim();
  if (domain === "." || (domain.length < 256 && DOMAIN.test(domain))) {
    return domain === "." ? domain : domain.replace(/\.$/, "");
  }
  throw new FlagError(`${domain} is not a valid domain`);
}
