import { expect, it } from "vitest";
import { CONTAINER_OPTIONS, requestOf } from "../../cli/container-options.ts";
import { parseWords } from "../../cli/options.ts";
import { FakeHost } from "./fake-host.ts";

it.each([
  [[], undefined],
  [["--systemd=false"], undefined],
  [["--systemd", "true"], "detect"],
  [["--systemd", "always"], "always"],
])("%j asks for systemd's mode: %s", (words, wanted) => {
  const { values, operands } = parseWords(CONTAINER_OPTIONS, [...words, "debian"], false);
  expect(requestOf(values, operands, new FakeHost()).systemd).toBe(wanted);
});

it("is refused with what there is not", () => {
  expect(() => parseWords(CONTAINER_OPTIONS, ["--systemd", "maybe", "debian"], false)).toThrow(
    'invalid argument "maybe" for "--systemd" flag: must be one of true, false, always',
  );
});
