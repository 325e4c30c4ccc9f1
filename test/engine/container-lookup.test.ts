import { NacreError } from "@nacre/core/error.ts";
import type { Transaction } from "@nacre/core/ports/state-store.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import { findContainer } from "@nacre/engine/containers/container-lookup.ts";
import { describe, expect, it } from "vitest";

/** A state in which there are containers of these names, whose IDs begin so. */
function state(containers: Readonly<Record<string, string>>): Transaction {
  const records = Object.entries(containers).map(([name, start]) => {
    return { id: start.padEnd(64, "0"), name } as ContainerRecord;
  });
  return {
    get: (kind: string, key: string) => {
      if (kind === "container") return records.find(({ id }) => id === key);
      const named = records.find(({ name }) => name === key);
      return named && { containerId: named.id };
    },
    list: (_: string, prefix: string) => records.filter(({ id }) => id.startsWith(prefix)),
  } as unknown as Transaction;
}

const failure = (t: Transaction, reference: string): NacreError => {
  try {
    findContainer(t, reference);
  } catch (error) {
    if (error instanceof NacreError) return error;
    throw error;
  }
  throw new TypeError("it was found");
};

describe("the beginning of an ID that several containers have", () => {
  it("is refused with those that it could be", () => {
    const t = state({ web: "abc1", db: "abc2", other: "d" });
    const { kind, message, advice } = failure(t, "abc");
    expect([kind, message]).toEqual(["invalid", "multiple containers found with ID prefix abc"]);
    expect(advice).toBe("Give more of the ID, or a name: abc100000000 (web), abc200000000 (db).");
    expect(findContainer(t, "abc1")?.name).toBe("web");
  });

  it("shows as much of IDs as tells them apart", () => {
    const same = "0123456789abcd";
    const { advice } = failure(state({ web: `${same}e`, db: `${same}f` }), "01");
    expect(advice).toContain(`${same}e (web), ${same}f (db)`);
  });

  it("does not list hundreds", () => {
    const many = Array.from({ length: 300 }, (_, n) => [`c${n}`, `a${String(n).padStart(3, "0")}`]);
    const { advice } = failure(state(Object.fromEntries(many)), "a");
    expect(advice).toMatch(/\(c7\) and 292 more\.$/);
  });

  it("is the name of the container that is called so", () => {
    expect(findContainer(state({ abc: "d", web: "abc1", db: "abc2" }), "abc")?.id[0]).toBe("d");
  });
});
