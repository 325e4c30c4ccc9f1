import { expect, it } from "vitest";
import { CONTAINER_OPTIONS, requestOf } from "../../cli/container-options.ts";
import { parseWords } from "../../cli/options.ts";
import { FakeHost } from "./fake-host.ts";

function request(...words: string[]) {
  const { values, operands } = parseWords(CONTAINER_OPTIONS, words, false);
  return requestOf(values, operands, new FakeHost());
}

it("runs a directory in place of an image, from where the caller is", () => {
  expect(request("--rootfs", "/a/b", "sh", "-c", "x")).toMatchObject({
    ...{ image: "", rootDirectory: { path: "/a/b", overlay: false }, command: ["sh", "-c", "x"] },
  });
  expect(request("--rootfs", "b:O").rootDirectory).toEqual({
    ...{ path: "/work-directory/b", overlay: true },
  });
  expect(request("--rootfs", "/b:O,ro").rootDirectory).toEqual({ path: "/b:O,ro", overlay: false });
  expect(request("/a/b").rootDirectory).toBeUndefined();
});
