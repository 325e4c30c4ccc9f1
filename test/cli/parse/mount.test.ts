import { describe, expect, it } from "vitest";
import { bindOf, parseTmpfs, parseVolume } from "../../../cli/parse/mount.ts";
import { type Case, casesOf, outcomeOf } from "../facts.ts";

/** What docker's shape of a volume and ours have in common. */
function common(fact: Case): Case {
  if (fact.value === undefined) return fact;
  const { source, target, type } = fact.value as Record<string, string>;
  return { input: fact.input, value: { ...(source && { source }), target, type } };
}

describe("mounts", () => {
  it.each(casesOf("volumes"))("takes -v $input apart as docker does", (fact) =>
    expect(common(outcomeOf(fact.input, parseVolume))).toEqual(common(fact)),
  );

  it("makes a bind of a path, relative ones from the working directory", () => {
    expect(bindOf(parseVolume("./data:/data:ro"), "/srv")).toEqual({
      type: "bind",
      source: "/srv/./data",
      target: "/data",
      readOnly: true,
      recursive: true,
      propagation: "private",
    });
    expect(bindOf(parseVolume(".:/x"), "/srv")).toMatchObject({ source: "/srv", readOnly: false });
  });

  it("reads propagation", () => {
    expect(bindOf(parseVolume("/a:/b:rslave"), "/")).toMatchObject({ propagation: "slave" });
  });

  it("refuses relative targets and modes that nobody knows", () => {
    expect(() => bindOf(parseVolume("/a:b"), "/")).toThrow("mount path must be absolute");
    expect(() => bindOf(parseVolume("/a:/b:bogus"), "/")).toThrow("invalid mode: bogus");
    expect(() => bindOf(parseVolume("/a:/b:toString"), "/")).toThrow("invalid mode: toString");
  });

  it("says that volumes are not supported, and what is", () => {
    expect(() => bindOf(parseVolume("data:/data"), "/")).toThrow(
      expect.objectContaining({ kind: "unsupported" }),
    );
  });

  it("reads tmpfs mounts", () => {
    expect(parseTmpfs("/t")).toEqual({ type: "tmpfs", target: "/t", options: [] });
    expect(parseTmpfs("/t:rw,size=64m")).toMatchObject({ options: ["rw", "size=64m"] });
    expect(() => parseTmpfs("t")).toThrow("mount path must be absolute");
  });
});
