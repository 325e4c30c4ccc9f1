import { parseManifest } from "@nacre/plugin-loader/manifest.ts";
import { describe, expect, it } from "vitest";

const PLACE = "/p/package.json";

const parse = (nacre: unknown) =>
  parseManifest(JSON.stringify({ name: "p", version: "2.0.0", nacre }), PLACE);
const provide = (provides: unknown) => parse({ apiVersion: 1, module: "./m.js", provides });

describe("a plugin's manifest", () => {
  it("says which ports it adds to, under which names", () => {
    const provides = {
      NetworkDriver: { quiet: {}, "very.quiet-2": {} },
      Runtime: { lua: { platforms: ["lua/any"] } },
    };
    expect(provide(provides)).toEqual({
      name: "p",
      version: "2.0.0",
      apiVersion: 1,
      module: "./m.js",
      provides: [
        { port: "NetworkDriver", name: "quiet", platforms: [] },
        { port: "NetworkDriver", name: "very.quiet-2", platforms: [] },
        { port: "Runtime", name: "lua", platforms: ["lua/any"] },
      ],
    });
  });

  it("is refused for another version of the API, which both sides are named of", () => {
    const message = "plugin p 2.0.0 is written for plugin API 2, this Nacre has API 1";
    const advice = "Install a version of p for API 1, or a Nacre that has API 2.";
    const wrong = () => parse({ apiVersion: 2, module: "./m.js", provides: {} });
    expect(wrong).toThrow(
      expect.objectContaining({ kind: "invalid", message: `${PLACE}: ${message}`, advice }),
    );
  });

  it.each([
    ["{", "not JSON"],
    ["[]", "no name and version"],
    ['{"name":"p","version":"1"}', 'no key "nacre"'],
    ['{"name":"p","version":"1","nacre":{}}', '"nacre.apiVersion" is no number'],
  ])("is refused as %s", (text, why) => {
    expect(() => parseManifest(text, PLACE)).toThrow(why);
  });

  it.each([
    [undefined, "no object of ports"],
    [{}, "provides nothing"],
    [{ Kernel: { mine: {} } }, 'provides "Kernel": what plugins may add is ImageServer'],
    [{ NetworkDriver: [] }, "no object of names"],
    [{ NetworkDriver: { "../x": {} } }, "a name has letters"],
    [{ NetworkDriver: { quiet: 1 } }, "not an object"],
    [{ NetworkDriver: { quiet: { platforms: [] } } }, 'unknown key "platforms"'],
    [{ Runtime: { lua: { platforms: ["lua"] } } }, "a list of os/architecture"],
    [{ Runtime: { lua: { platforms: "lua/any" } } }, "a list of os/architecture"],
  ])("is refused where it provides %j", (provides, why) => {
    expect(() => provide(provides)).toThrow(why);
  });

  it("names a module of its own package", () => {
    for (const module of ["m.js", "/m.js", 7, undefined]) {
      expect(() => parse({ apiVersion: 1, module, provides: {} })).toThrow("begins with ./");
    }
  });
});
