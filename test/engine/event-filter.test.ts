import type { EventRecord } from "@nacre/core/state/records.ts";
import { checkEventFilters, isMeantEvent } from "@nacre/engine/event-filter.ts";
import { describe, expect, it } from "vitest";

const event = (changes: Partial<EventRecord>): EventRecord => ({
  ...{ sequence: 1, timeMs: 0, type: "container", action: "start", subject: "abc123" },
  attributes: { name: "web", image: "debian:12", tier: "front", own: "" },
  ...changes,
});
const start = event({});
const pull = event({
  ...{ type: "image", action: "pull", subject: "debian:12" },
  attributes: { name: "debian:12" },
});
const mount = event({
  ...{ type: "volume", action: "mount", subject: "data" },
  attributes: { container: "abc123" },
});
const meant = (filters: Record<string, string[]>): string[] =>
  [start, pull, mount].filter((one) => isMeantEvent(one, filters)).map(({ action }) => action);

describe("filters of events", () => {
  it.each<[Record<string, string[]>, string[]]>([
    [{}, ["start", "pull", "mount"]],
    [{ type: ["image", "volume"] }, ["pull", "mount"]],
    [{ event: ["start"] }, ["start"]],
    [{ container: ["abc"] }, ["start"]],
    [{ network: ["bridge"], event: ["start"] }, []],
    [{ container: ["web"], event: ["die"] }, []],
    [{ image: ["debian"] }, ["start", "pull"]],
    [{ image: ["debian:12"] }, ["start", "pull"]],
    [{ image: ["deb"] }, []],
    [{ volume: ["data"] }, ["mount"]],
    [{ label: ["tier"] }, ["start"]],
    [{ label: ["tier=front", "own="] }, ["start"]],
    [{ label: ["tier=front", "tier=back"] }, []],
  ])("%j mean %j", (filters, expected) => {
    expect(meant(filters)).toEqual(expected);
  });

  it("mean each state of health by its common name", () => {
    const turned = event({ action: "health_status: healthy" });
    const names = ["health_status", "health_status: healthy", "health_status: unhealthy", "health"];
    expect(names.map((name) => isMeantEvent(turned, { event: [name] }))).toEqual([
      ...[true, true, false, false],
    ]);
  });

  it("are refused where there is no such key", () => {
    expect(() => checkEventFilters({ type: ["image"] })).not.toThrow();
    for (const key of ["colour", "constructor"]) {
      expect(() => checkEventFilters({ [key]: ["x"] })).toThrow(
        expect.objectContaining({ kind: "invalid" }),
      );
    }
  });
});
