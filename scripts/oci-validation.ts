// `npm run oci-validation`, as root: what the 58 programs of opencontainers/runtime-tools'
// validation/ ask of an OCI runtime, asked by our own checks (test/oci-validation), of this
// runtime, of crun and of runc, on this machine. Prints a table and every reason; fails if this
// runtime fails one.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { CHECKS, judged } from "../test/oci-validation/all.ts";
import type { RuntimeCommand } from "../test/oci-validation/bench.ts";
import { withHugePages } from "../test/oci-validation/huge-pages.ts";

const OWN = fileURLToPath(new URL("../cli/bin/nacre-runtime", import.meta.url));

/** On this machine, with the version that it says. */
function peer(name: string): (RuntimeCommand & { version: string }) | undefined {
  const { status, stdout } = spawnSync(name, ["--version"], { encoding: "utf8" });
  if (status !== 0) return undefined;
  return { name, path: name, version: stdout.split("\n", 1)[0] ?? "" };
}

using _ = withHugePages();
const only = process.argv.slice(2);
const runtimes = [
  { name: "nacre", path: OWN, version: "nacre-runtime of this checkout" },
  ...["crun", "runc"].flatMap((name) => peer(name) ?? []),
];
const width = Math.max(...CHECKS.map(({ name }) => name.length));
const held = new Map(runtimes.map(({ name }) => [name, 0]));
const reasons: string[] = [];
let missing = 0;

console.log(runtimes.map(({ version }) => version).join(" · "));
console.log(`${"".padEnd(width)}  ${runtimes.map(({ name }) => name.padEnd(6)).join("")}`);
for (const check of CHECKS) {
  if (only.length > 0 && !only.includes(check.name)) continue;
  const lacks = check.missing?.();
  if (lacks !== undefined) {
    missing += 1;
    console.log(`${check.name.padEnd(width)}  not on this machine: ${lacks}`);
    continue;
  }
  let row = "";
  for (const runtime of runtimes) {
    const wrong = await judged(check, runtime);
    row += (wrong === undefined ? "holds" : "FAILS").padEnd(6);
    if (wrong === undefined) {
      held.set(runtime.name, (held.get(runtime.name) ?? 0) + 1);
      continue;
    }
    if (runtime.path === OWN) process.exitCode = 1;
    reasons.push(`${check.name}, ${runtime.name}: ${wrong.trim().split("\n").join(" / ")}`);
  }
  console.log(`${check.name.padEnd(width)}  ${row}`);
}
const counts = [...held].map(([name, count]) => `${name} ${count}`).join(", ");
console.log(`\nHeld: ${counts}, of ${CHECKS.length}; ${missing} cannot be asked on this machine.`);
console.log("These are checks of our own, written after what those programs ask.\n");
for (const reason of reasons) console.log(reason.slice(0, 600));
