import { dockerfileFault, failedAt, type Source } from "@nacre/core/dockerfile/fault.ts";
import { parseDockerfile } from "@nacre/core/dockerfile/parse.ts";
import { planStages } from "@nacre/core/dockerfile/stage-graph.ts";
import { NacreError } from "@nacre/core/error.ts";
import { describe, expect, it } from "vitest";

const SOURCE: Source = { name: "Dockerfile", text: "FROM scratch\nCOPY a b\n" };
const PLACE = { line: 2, column: 6 };

describe("what fails in carrying out a line", () => {
  it("is told with the line, whatever lines it has itself, and keeps its kind", () => {
    const error = new NacreError("not-found", "no a:\n  b\n  c", { advice: "Make it." });
    expect(failedAt(SOURCE, PLACE, error)).toMatchObject({
      kind: "not-found",
      message: "Dockerfile:2:6: no a:\n  b\n  c\n  2 | COPY a b\n           ^",
      advice: "Make it.",
      cause: error,
    });
  });

  it("is told with its line where a mount of a RUN cannot be read", () => {
    const source = { name: "Dockerfile", text: "FROM a\nRUN --mount=type=foo true\n" };
    const options = { buildArgs: new Map(), platformArgs: new Map() };
    expect(() => planStages(source, parseDockerfile(source), options)).toThrow(
      /^Dockerfile:2:1: --mount: type cannot be "foo"\n {2}2 \| RUN /,
    );
  });

  it("is told with one line alone: the one where it was found", () => {
    const placed = dockerfileFault(SOURCE, { line: 1, column: 1 }, "unknown");
    expect(failedAt(SOURCE, PLACE, placed)).toBe(placed);
    expect(failedAt(SOURCE, PLACE, failedAt(SOURCE, PLACE, placed))).toBe(placed);
  });

  it("is left alone where it is a defect of ours", () => {
    const defect = new TypeError("x is not a function");
    expect(failedAt(SOURCE, PLACE, defect)).toBe(defect);
  });
});
