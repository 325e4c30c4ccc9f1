import { describe, expect, it } from "vitest";
import { alsoNamed, flag, list, parseWords, text, value } from "../../cli/options.ts";
import { parseInteger } from "../../cli/parse/number.ts";

const TABLE = {
  all: flag(["all", "a"], ""),
  tty: flag(["tty", "t"], ""),
  name: text(["name", "n"], "string", ""),
  env: list(["env", "e"], "K=V", "", String),
  count: value(["count", "c"], "int", "", parseInteger),
};
const parse = (...words: string[]) => parseWords(TABLE, words, true);
const values = (...words: string[]) => parse(...words).values;

describe("options", () => {
  it("take a value as the next word or after an equals sign", () => {
    expect(values("--name", "x").name).toBe("x");
    expect(values("--name=x=y").name).toBe("x=y");
    expect(values("--name=").name).toBe("");
    expect(values("-n", "x").name).toBe("x");
    expect(values("-nx").name).toBe("x");
    expect(values("-n=x").name).toBe("x");
  });

  it("answer to an older name", () => {
    const table = { network: alsoNamed("net", text(["network"], "name", "")) };
    expect(parseWords(table, ["--net", "host"], true).values.network).toBe("host");
    expect(() => parseWords(table, ["-net", "host"], true)).toThrow("unknown shorthand flag: 'n'");
  });

  it("may be combined, the last one with a value", () => {
    expect(values("-at")).toMatchObject({ all: true, tty: true });
    expect(values("-atn", "x")).toMatchObject({ all: true, tty: true, name: "x" });
    expect(values("-atnx")).toMatchObject({ all: true, tty: true, name: "x" });
  });

  it("take truth values as flags", () => {
    expect(values("--all=false").all).toBe(false);
    expect(values("--all", "--all=0").all).toBe(false);
    expect(values("-t=true").tty).toBe(true);
    expect(() => parse("--all=maybe")).toThrow(
      'invalid argument "maybe" for "-a, --all" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
    );
  });

  it("collect what is repeated, and keep the last of the others", () => {
    expect(values("-e", "A=1", "--env=B=2", "-eC").env).toEqual(["A=1", "B=2", "C"]);
    expect(values("--name", "a", "--name", "b").name).toBe("b");
  });

  it("take a value that looks like an option", () => {
    expect(values("--count", "-1").count).toBe(-1);
    expect(values("-c", "-1").count).toBe(-1);
    expect(values("--name", "--all")).toMatchObject({ name: "--all", all: false });
  });

  it("end at two dashes", () => {
    expect(parse("a", "--", "--all", "b").operands).toEqual(["a", "--all", "b"]);
  });

  it("stand among operands, or end at the first where the rest is a command", () => {
    expect(parse("x", "-a", "y")).toMatchObject({ operands: ["x", "y"], values: { all: true } });
    const { operands, values } = parseWords(TABLE, ["-t", "x", "-a", "--", "-z"], false);
    expect(operands).toEqual(["x", "-a", "--", "-z"]);
    expect(values).toMatchObject({ tty: true, all: false });
  });

  it("take a lone dash for an operand", () => {
    expect(parse("-").operands).toEqual(["-"]);
  });

  it.each([
    [["--bogus"], "unknown flag: --bogus"],
    [["--bogus=1"], "unknown flag: --bogus"],
    [["--constructor"], "unknown flag: --constructor"],
    [["-z"], "unknown shorthand flag: 'z' in -z"],
    [["-azt"], "unknown shorthand flag: 'z' in -zt"],
    [["--name"], "flag needs an argument: --name"],
    [["-n"], "flag needs an argument: 'n' in -n"],
    [["-an"], "flag needs an argument: 'n' in -n"],
  ])("refuse %j with docker's words", (words, message) =>
    expect(() => parse(...words)).toThrow(message),
  );

  it("notice a call for help and read no further", () => {
    expect(parse("--help", "--bogus").help).toBe(true);
    expect(parse("-ah").help).toBe(true);
    expect(parseWords(TABLE, ["x", "--help"], false).help).toBe(false);
  });
});
