import { describe, expect, it } from "vitest";
import {
  labelsOf,
  parseEnvironmentFile,
  parseLabel,
  parseVariable,
  resolveVariables,
} from "../../../cli/parse/environment.ts";
import { casesOf, outcomeOf } from "../facts.ts";

describe("environment and labels", () => {
  it.each(casesOf("env"))("reads the variable '$input' as docker does", (fact) =>
    expect(outcomeOf(fact.input, parseVariable)).toEqual(fact),
  );

  it.each(casesOf("label"))("reads the label '$input' as docker does", (fact) =>
    expect(outcomeOf(fact.input, parseLabel)).toEqual(fact),
  );

  it("splits labels at the first equals sign", () => {
    expect(labelsOf(["a=b=c", "d", "e="])).toEqual({ a: "b=c", d: "", e: "" });
  });

  it("passes a bare name on from the caller, and leaves out what the caller lacks", () => {
    expect(resolveVariables(["HOME", "ABSENT", "A="], { HOME: "/root" })).toEqual([
      "HOME=/root",
      "A=",
    ]);
  });

  it("lets the last of several win", () => {
    expect(resolveVariables(["A=1", "B=2", "A=3"], {})).toEqual(["A=3", "B=2"]);
  });

  it("reads env files: comments, empty lines, a byte order mark, CRLF, no quoting", () => {
    const content = '\uFEFF# comment\n\nA=1\r\n  B="x y" \nC\n';
    expect(parseEnvironmentFile(content, "f")).toEqual(["A=1", 'B="x y" ', "C"]);
  });

  it("refuses names with space, and lines without a name", () => {
    expect(() => parseEnvironmentFile("A B=1", "f")).toThrow(
      "invalid env file (f): variable 'A B' contains whitespaces",
    );
    expect(() => parseEnvironmentFile("\n=1", "f")).toThrow("no variable name on line 2");
  });
});
