// Options of all commands that speak to registries.

import { FlagError } from "./flag-error.ts";
import { flag } from "./options.ts";
import { parseBoolean } from "./parse/number.ts";

export const tlsVerify = {
  ...flag(["tls-verify"], "With =false: plain HTTP, also for registries that are not on loopback"),
  initial: true,
  add: (_: boolean, word: string) => parseBoolean(word),
};

/** Docker's: it verifies no signature unless it is told to. */
export const contentTrust = {
  ...flag(
    ["disable-content-trust"],
    "As it is: signatures of Docker Content Trust are not verified",
  ),
  initial: true,
  add: (_: boolean, word: string) => {
    if (parseBoolean(word)) return true;
    throw new FlagError("signatures of Docker Content Trust are not verified here: name a digest");
  },
};
