// Every operation is survivable: of each command, for each of its points, in each way in which it
// can fail. Here one trial in a few, so that it takes seconds; `npm run survive` tries them all.

import { describe, expect, it } from "vitest";
import { SCENARIOS } from "./scenarios.ts";
import { storm } from "./storm.ts";
import { survive } from "./survive.ts";

/** A prime: over the commands, every kind of fault comes to every kind of point. */
const EVERY = 7;
const STORMS = 40;
const TIMEOUT_MS = 120_000;

const say = (text: string) => process.stdout.write(`survivable: ${text}\n`);

describe("every operation is survivable", () => {
  it.each(SCENARIOS)("$name", { timeout: TIMEOUT_MS }, async (scenario) => {
    const { tried, operations, violations } = await survive(scenario, { every: EVERY });
    say(`${scenario.name}: ${tried} points of ${operations} operations`);
    expect(violations).toEqual([]);
    expect(tried).toBeGreaterThan(operations / EVERY);
  });
});

describe("commands in a storm of faults", () => {
  it(`leave a machine that can be tidied up and works, ${STORMS} times`, {
    timeout: TIMEOUT_MS,
  }, async () => {
    let faults = 0;
    for (let seed = 1; seed <= STORMS; seed++) {
      const { violations, faults: injected } = await storm(seed);
      faults += injected;
      expect(violations, `seed ${seed}`).toEqual([]);
    }
    say(`${STORMS} storms: ${faults} faults`);
    expect(faults).toBeGreaterThan(STORMS);
  });

  it("are the same again for the same seed, to the last event", async () => {
    const [one, again, other] = [await storm(11), await storm(11), await storm(12)];
    expect(again).toEqual(one);
    expect(other.events).not.toEqual(one.events);
  });
});
