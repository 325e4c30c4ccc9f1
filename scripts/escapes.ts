// `npm run escapes`, as root: tries the shapes of known escapes on this machine's kernel, each with
// its protection and without, and says what came of it. Fails if one worked, or if taking its
// protection away made no difference.

import { ELSEWHERE } from "../test/escapes/elsewhere.ts";
import { ESCAPES, judge } from "../test/escapes/escapes.ts";

const told = new Set<string>();
let failures = 0;

for (const one of ESCAPES) {
  const { worked, worksWithout } = await judge(one);
  const verdict = worked ? "IT WORKS" : worksWithout ? "held" : "held, by something else";
  if (worked || !worksWithout) failures += 1;
  for (const id of one.ids) told.add(id);
  console.log(`${verdict.padEnd(8)} ${one.ids.join(", ") || "no number"}`);
  console.log(`         ${one.shape}`);
  console.log(`         by ${one.protection}`);
}
console.log("\nTested elsewhere, or without a part here that it could happen to:");
for (const [ids, why] of ELSEWHERE) {
  for (const id of ids) told.add(id);
  console.log(`  ${ids.join(", ")}: ${why}`);
}
console.log(
  `\n${told.size} numbers; ${ESCAPES.length} shapes tried, ${failures} of them not held.`,
);
process.exitCode = failures > 0 ? 1 : 0;
