import { TimerQueue } from "@nacre/simulated/timer-queue.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

type Change = { readonly add: number } | { readonly remove: number };

const changes: fc.Arbitrary<Change[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ add: fc.nat(20) }) },
    { weight: 1, arbitrary: fc.record({ remove: fc.nat(50) }) },
  ),
  { maxLength: 60 },
);

describe("a queue of timers", () => {
  it("gives them by time, then in the order in which they were asked for", () => {
    fc.assert(
      fc.property(changes, (all) => {
        const queue = new TimerQueue();
        const timers = [];
        for (const change of all) {
          if ("add" in change) timers.push(queue.add(change.add, () => {}));
          else if (timers.length > 0) {
            const [timer] = timers.splice(change.remove % timers.length, 1);
            expect(timer && queue.remove(timer)).toBe(true);
            expect(timer && queue.remove(timer)).toBe(false);
          }
        }
        const expected = timers.sort((a, b) => a.atMs - b.atMs || a.number - b.number);
        expect(queue.size).toBe(expected.length);
        for (const timer of expected) {
          expect(queue.first).toBe(timer);
          queue.remove(timer);
        }
        expect(queue.first).toBeUndefined();
      }),
    );
  });
});
