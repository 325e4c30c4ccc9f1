// `npm run survive [-- --storms N] [-- --seed S]`: every trial of every command, then storms. Ends
// with the figures and a non-zero exit code if anything was not survived.

import { parseArgs } from "node:util";
import { SCENARIOS } from "../test/simulation/survivable/scenarios.ts";
import { storm } from "../test/simulation/survivable/storm.ts";
import { survive } from "../test/simulation/survivable/survive.ts";

const { values } = parseArgs({
  options: { storms: { type: "string", default: "500" }, seed: { type: "string", default: "1" } },
});
const [storms, seed] = [Number(values.storms), Number(values.seed)];
const number = new Intl.NumberFormat("en");
// Failed system calls are errors by the thousand, whose stacks nobody reads.
Error.stackTraceLimit = 4;

let [points, violations, milliseconds] = [0, 0, 0];
const timed = async <T>(work: () => Promise<T>): Promise<T> => {
  const before = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  milliseconds += (user + system) / 1000;
  return result;
};
const tell = (wrong: readonly string[]): void => {
  violations += wrong.length;
  for (const one of wrong) console.log(`  ${one}`);
};

for (const scenario of SCENARIOS) {
  const report = await timed(() => survive(scenario, { losses: 3 }));
  points += report.tried;
  console.log(`survivable: ${scenario.name}: ${number.format(report.tried)} points`);
  tell(report.violations);
}
const perSecond = Math.round((points / milliseconds) * 1000);
console.log(`${number.format(points)} points, ${perSecond} a second of one processor`);

let faults = 0;
for (let i = 0; i < storms; i++) {
  const found = await storm(seed + i);
  faults += found.faults;
  tell(found.violations.map((one) => `seed ${found.seed}: ${one}`));
}
console.log(`${number.format(storms)} storms, ${number.format(faults)} faults in them`);
console.log(`${violations} not survived`);
process.exitCode = violations === 0 ? 0 : 1;
