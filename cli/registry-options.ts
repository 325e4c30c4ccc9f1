// Options of all commands that speak to registries.

import { flag } from "./options.ts";
import { parseBoolean } from "./parse/number.ts";

export const tlsVerify = {
  ...flag(["tls-verify"], "With =false: plain HTTP, also for registries that are not on loopback"),
  initial: true,
  add: (_: boolean, word: string) => parseBoolean(word),
};
