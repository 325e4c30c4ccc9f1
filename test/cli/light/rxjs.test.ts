import { afterEach, describe, expect, it, vi } from "vitest";
import type { EngineEvent } from "../../../engine/engine.ts";
import type { EventBus } from "../../../engine/event-bus.ts";

const notice = (message: string): EngineEvent => ({ type: "notice", message }) as EngineEvent;

const saying = (heard: string[], name = "") => {
  return (event: EngineEvent) => {
    if (event.type === "notice") heard.push(name + event.message);
  };
};

describe.each([
  ["rxjs", false],
  ["what stands for it", true],
])("the engine's bus on %s", (_, light) => {
  async function open(): Promise<EventBus> {
    vi.resetModules();
    if (light) vi.doMock("rxjs", () => import("../../../cli/light/rxjs.ts"));
    const { EventBus } = await import("../../../engine/event-bus.ts");
    return new EventBus();
  }
  afterEach(() => {
    vi.doUnmock("rxjs");
    vi.useRealTimers();
  });

  it("tells all who listen, for as long as they do", async () => {
    using bus = await open();
    const heard: string[] = [];
    bus.emit(notice("before"));
    const first = bus.events.subscribe(saying(heard, "1 "));
    bus.events.subscribe(saying(heard, "2 "));
    bus.emit(notice("a"));
    first.unsubscribe();
    bus.emit(notice("b"));
    expect(heard).toEqual(["1 a", "2 a", "2 b"]);
  });

  it("tells one after the other what is said while another is told", async () => {
    using bus = await open();
    const heard: string[] = [];
    bus.events.subscribe((event) => {
      if (event.type === "notice" && event.message === "a") bus.emit(notice("answer"));
    });
    bus.events.subscribe(saying(heard));
    bus.emit(notice("a"));
    bus.emit(notice("b"));
    expect(heard).toEqual(["a", "answer", "b"]);
  });

  it("tells nothing to whom another one has sent away", async () => {
    using bus = await open();
    const heard: string[] = [];
    bus.events.subscribe(() => second.unsubscribe());
    const second = bus.events.subscribe(saying(heard));
    bus.emit(notice("a"));
    expect(heard).toEqual([]);
  });

  it("lets one that fails keep nobody from hearing, and says so later", async () => {
    vi.useFakeTimers();
    using bus = await open();
    const heard: string[] = [];
    bus.events.subscribe(() => {
      throw new TypeError("mine");
    });
    bus.events.subscribe(saying(heard));
    bus.emit(notice("a"));
    bus.emit(notice("b"));
    expect(heard).toEqual(["a", "b"]);
    expect(() => vi.advanceTimersByTime(1)).toThrow("mine");
  });

  it("is silent once it has ended", async () => {
    const bus = await open();
    const heard: string[] = [];
    bus.events.subscribe(saying(heard));
    bus[Symbol.dispose]();
    bus.emit(notice("a"));
    bus.events.subscribe(saying(heard));
    bus.emit(notice("b"));
    expect(heard).toEqual([]);
  });
});
