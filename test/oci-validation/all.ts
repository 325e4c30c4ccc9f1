// What opencontainers/runtime-tools asks of a runtime with its 58 programs (validation/), asked by
// checks of our own. They are not the programs: where one of those asks for what the specification
// does not say, the check keeps to the specification (docs/OCI-RUNTIME.md has the list).

import { type RuntimeCommand, ValidationBench } from "./bench.ts";
import { CGROUPS } from "./cgroups.ts";
import type { Check } from "./check.ts";
import { HOOKS } from "./hooks.ts";
import { LIFECYCLE } from "./lifecycle.ts";
import { NAMESPACES } from "./namespaces.ts";
import { PROCESS } from "./process.ts";
import { ROOT } from "./root.ts";

export const CHECKS: readonly Check[] = [
  ...[...LIFECYCLE, ...HOOKS, ...NAMESPACES, ...PROCESS, ...ROOT, ...CGROUPS].sort((a, b) =>
    a.name < b.name ? -1 : 1,
  ),
];

/** What is wrong; undefined where the check holds. */
export async function judged(check: Check, runtime: RuntimeCommand): Promise<string | undefined> {
  using bench = new ValidationBench(runtime);
  try {
    await check.holds(bench);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
