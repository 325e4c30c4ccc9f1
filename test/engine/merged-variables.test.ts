// Variables as podman's --env-merge changes them, by what podman 4.3 made of the same words.

import { completeRequest, type PartialRequest } from "@nacre/core/program/request.ts";
import { withMergedVariables } from "@nacre/engine/containers/merged-variables.ts";
import { describe, expect, it } from "vitest";

const IMAGE = { Env: ["hello=world", "PATH=/bin:/x", "EMPTY="] };

function merged(words: readonly string[], more: Partial<PartialRequest> = {}): readonly string[] {
  const request = completeRequest({ image: "i", mergeEnvironment: words, ...more });
  return withMergedVariables(request, IMAGE).environment;
}

describe("variables of an image in other words", () => {
  it.each([
    [[`hello=\${hello}-some`], ["hello=world-some"]],
    [
      [`hello=$hello/\${nope}x`, `PATH=\${PATH}:/more`],
      ["hello=world/x", "PATH=/bin:/x:/more"],
    ],
    [[`hello=\${hello}1`, `hello=\${hello}2`], ["hello=world12"]],
    [[`hello=\${nope:-default}`], ["hello=default"]],
    [["hello='$hello' \"$hello\" \\$hello"], ["hello=$hello world $hello"]],
    [
      ["hello=", "EMPTY=a=b"],
      ["hello=", "EMPTY=a=b"],
    ],
    [["other=$hello"], []],
  ])("are %j: %j", (words, expected) => {
    expect(merged(words)).toEqual(expected);
  });

  it("give way to what is set, and do not bring back what is to be unset", () => {
    const environment = ["hello=mine", "B=1"];
    expect(merged(["hello=x", "PATH=y"], { environment })).toEqual(["PATH=y", ...environment]);
    expect(merged([`hello=\${hello}x`], { unsetEnvironment: ["hello"] })).toEqual([]);
    expect(merged(["hello=x", "PATH=y"], { unsetEnvironment: "all" })).toEqual([]);
  });

  it("may be the search path that an image leaves to us", () => {
    const request = completeRequest({ image: "i", mergeEnvironment: ["PATH=/opt:$PATH"] });
    expect(withMergedVariables(request, {}).environment).toEqual([
      "PATH=/opt:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ]);
  });

  it.each([
    ["hello", "a name and a value are needed"],
    ["=x", "a name and a value are needed"],
    [`hello=\${hello`, "cannot expand"],
    ["hello='x", "a single quote does not end"],
  ])("are refused as %j", (word, why) => {
    expect(() => merged([word])).toThrow(`unable to process variables for --env-merge ${word}`);
    expect(() => merged([word])).toThrow(why);
  });
});
