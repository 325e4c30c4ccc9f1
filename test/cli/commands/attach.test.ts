import { describe, expect, it } from "vitest";
import { FakeEngine } from "../fake-engine.ts";
import { nacre } from "../fake-host.ts";
import { containerRecord } from "../fake-records.ts";

/** An engine with one container, `web`. */
function engineWith(request: { interactive?: boolean; terminal?: boolean }): FakeEngine {
  const engine = new FakeEngine();
  const record = containerRecord();
  engine.records = [{ ...record, request: { ...record.request, ...request } }];
  return engine;
}

const name = containerRecord().name;
const called = (engine: FakeEngine, what: string) =>
  engine.calls.filter(([one]) => one === what).map(([, ...given]) => given);

describe("attach", () => {
  it("keeps the container's two outputs apart, and ends as it does", async () => {
    const engine = engineWith({});
    const { code, out, err, host } = await nacre(["attach", name], { engine });
    expect({ code, out, err }).toEqual({ code: 0, out: "out", err: "err" });
    expect(called(engine, "wait")).toHaveLength(1);
    expect(host.listeners).toBe(0);
    expect(host.input).toEqual([]);
  });

  it("hands on input where the container takes any", async () => {
    const engine = engineWith({ interactive: true });
    const { host } = await nacre(["attach", name], { engine, input: "\x10\x11words" });
    expect(called(engine, "write")).toEqual([["\x10\x11words"]]);
    expect(host.input).toEqual(["as it is", "given back"]);
    const silent = engineWith({ interactive: true });
    await nacre(["attach", "--no-stdin", name], { engine: silent, input: "words" });
    expect(called(silent, "write")).toEqual([]);
  });

  it("is what start -a and -i do with a container that runs", async () => {
    const engine = engineWith({ interactive: true });
    const looking = await nacre(["start", "-a", name], { engine, input: "words" });
    expect(looking).toMatchObject({ code: 0, out: "out", err: "err" });
    expect([called(engine, "start"), called(engine, "write")]).toEqual([[], []]);
    await nacre(["start", "-ai", name], { engine, input: "\x10\x11words" });
    expect(called(engine, "write")).toEqual([["\x10\x11words"]]);
  });

  it("gives a terminal our window and our keys, until those that leave it", async () => {
    const engine = engineWith({ interactive: true, terminal: true });
    const terminals = [0, 1, 2];
    const { code, host } = await nacre(["attach", "--detach-keys", "q", name], {
      ...{ engine, terminals, input: "q" },
    });
    expect(code).toBe(0);
    expect(called(engine, "resize")).toEqual([[24, 80]]);
    expect(called(engine, "close")).toHaveLength(1);
    expect(called(engine, "wait")).toEqual([]);
    expect(host.input).toEqual(["raw", "given back"]);
  });

  it("refuses a terminal to who has none, and keys that are none", async () => {
    const engine = engineWith({ interactive: true, terminal: true });
    const refused = await nacre(["attach", name], { engine });
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.err).toContain("the input device is not a TTY");
    expect(called(engine, "close")).toHaveLength(1);
    expect((await nacre(["attach", "--detach-keys", "ctrl-1", name], { engine })).err).toContain(
      "invalid detach keys",
    );
  });
});
