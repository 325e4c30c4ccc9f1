import { whenUsed } from "@nacre/core/when-used.ts";
import { expect, it, vi } from "vitest";

class Counter {
  readonly name = "counter";
  #count = 0;

  next(): number {
    this.#count += 1;
    return this.#count;
  }
}

it("makes a service when a member of it is asked for, and once", async () => {
  const make = vi.fn(() => new Counter());
  const service = whenUsed(make);
  expect(await Promise.resolve(service)).toBe(service);
  expect(make).not.toHaveBeenCalled();
  const { next } = service;
  expect([next(), service.next()]).toEqual([1, 2]);
  expect(make).toHaveBeenCalledTimes(1);
});

it("tells what is known of a service without making it", () => {
  const make = vi.fn(() => new Counter());
  const service = whenUsed(make, { name: "counter" });
  expect(service.name).toBe("counter");
  expect("name" in service).toBe(true);
  expect(make).not.toHaveBeenCalled();
});

it("is taken for the service, also by a spy", () => {
  const service = whenUsed(() => new Counter());
  expect(service).toBeInstanceOf(Counter);
  expect("next" in service).toBe(true);
  expect("nothing" in service).toBe(false);
  vi.spyOn(service, "next").mockReturnValue(7);
  expect(service.next()).toBe(7);
});

it("says each time why a service cannot be made", () => {
  const service = whenUsed((): Counter => {
    throw new Error("no counter here");
  });
  expect(() => service.next()).toThrow("no counter here");
  expect(() => service.next()).toThrow("no counter here");
});
