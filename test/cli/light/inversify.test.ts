import * as inversify from "inversify";
import { describe, expect, it } from "vitest";
import * as light from "../../../cli/light/inversify.ts";

type Libraries = Pick<typeof inversify, "Container" | "ContainerModule">;

const A = Symbol("A");
const B = Symbol("B");
const C = Symbol("C");

describe.each([
  ["inversify", inversify],
  ["what stands for it", light as unknown as Libraries],
])("%s", (_, { Container, ContainerModule }) => {
  it("gives what is bound, and of a class what makes it", () => {
    class Kernel {
      readonly clock: unknown;
      constructor(clock: unknown) {
        this.clock = clock;
      }
    }
    const container = new Container();
    const constant = {};
    container.bind(A).toConstantValue(constant);
    container.bind(Kernel).toResolvedValue((clock) => new Kernel(clock), [A]);
    container.bind(B).toService(Kernel);
    expect(container.get(A)).toBe(constant);
    expect(container.get(Kernel).clock).toBe(constant);
    expect(container.get(B)).toBeInstanceOf(Kernel);
  });

  it("makes a singleton once, when it is first asked for, and others each time", () => {
    const made: string[] = [];
    const container = new Container();
    const make = (name: string) => () => {
      made.push(name);
      return {};
    };
    container.bind(A).toResolvedValue(make("A"), []).inSingletonScope();
    container.bind(B).toResolvedValue(make("B"), []);
    expect(made).toEqual([]);
    expect(container.get(A)).toBe(container.get(A));
    expect(container.get(B)).not.toBe(container.get(B));
    expect(made).toEqual(["A", "B", "B"]);
  });

  it("hands on all of a port in their order, and undefined for what may be missing", () => {
    const container = new Container();
    for (const name of ["first", "second"]) container.bind(A).toConstantValue(name);
    const needs = [
      { serviceIdentifier: A, isMultiple: true },
      { serviceIdentifier: B, isMultiple: true },
      { serviceIdentifier: C, optional: true },
    ] as const;
    const given = (...all: unknown[]) => all;
    container.bind("given").toResolvedValue(given, [...needs] as never);
    expect(container.get("given")).toEqual([["first", "second"], [], undefined]);
  });

  it("loads modules one after the other, the later in place of the earlier", async () => {
    const container = new Container();
    await container.load(
      new ContainerModule(({ bind }) => {
        bind(A).toConstantValue("first");
      }),
      new ContainerModule(({ rebind }) => {
        (rebind as unknown as typeof container.bind)(A).toConstantValue("second");
      }),
    );
    expect(container.get(A)).toBe("second");
  });

  it("refuses what is not bound, or bound more than once", () => {
    const container = new Container();
    expect(() => container.get(A)).toThrow("A");
    for (const name of ["first", "second"]) container.bind(A).toConstantValue(name);
    expect(() => container.get(A)).toThrow("A");
    container.bind(B).toResolvedValue((a) => a, [A]);
    expect(() => container.get(B)).toThrow("A");
  });
});
