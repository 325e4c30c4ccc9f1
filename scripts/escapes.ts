// `npm run escapes`, as root: every known escape and denial that we know of, by its number, and
// what becomes of it here. Those whose part is here are tried, or their tests run, each with its
// protection and without; of the others it is looked whether the part is still absent. Fails if one
// worked, if taking its protection away made no difference, or if a part has come.

import { ABSENCES } from "../test/escapes/absences.ts";
import { ESCAPES, judge } from "../test/escapes/escapes.ts";
import { guarded } from "../test/escapes/guarded.ts";
import { GUARDS } from "../test/escapes/guards.ts";

const told = new Set<string>();
const counts = { held: 0, guarded: 0, absent: 0 };
let failures = 0;

/** `sound`: the verdict is what it should be. */
function tell(verdict: string, sound: boolean, ids: readonly string[], ...lines: string[]): void {
  if (!sound) failures += 1;
  for (const id of ids) told.add(id);
  console.log(`${verdict.padEnd(8)} ${ids.join(", ") || "no number"}`);
  for (const line of lines) console.log(`         ${line}`);
}

console.log("Tried on this machine's kernel, with the protection and without:\n");
for (const one of ESCAPES) {
  const { worked, worksWithout } = await judge(one);
  const sound = !worked && worksWithout;
  if (sound) counts.held += 1;
  const verdict = worked ? "IT WORKS" : worksWithout ? "held" : "held, by something else";
  tell(verdict, sound, one.ids, one.shape, `by ${one.protection}`);
}
console.log("\nHeld by a test, which was run with the protection and without:\n");
for (const one of GUARDS) {
  const { holds, missed } = await guarded(one);
  if (holds && missed) counts.guarded += 1;
  const verdict = !holds ? "FAILS" : missed ? "held" : "held, by something else";
  const [file, name] = one.test;
  tell(verdict, holds && missed, one.ids, one.shape, `by ${one.protection}`, `${file}: "${name}"`);
}
console.log("\nWithout a part here that it could happen to:\n");
for (const { ids, shape, why, absent } of ABSENCES) {
  const still = absent();
  if (still) counts.absent += 1;
  tell(still ? "absent" : "IT IS HERE: it needs a test", still, ids, shape, why);
}
console.log(
  `\n${told.size} numbers: ${counts.held} shapes tried and held, ${counts.guarded} held by their tests, ${counts.absent} absent, ${failures} not as they should be.`,
);
process.exitCode = failures > 0 ? 1 : 0;
