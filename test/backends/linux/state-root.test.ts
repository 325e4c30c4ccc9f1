import { chmodSync, existsSync, lstatSync, mkdirSync, writeFileSync } from "node:fs";
import { prepareStateRoot } from "@nacre/linux/state-root.ts";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../contract/temporary.ts";

const modeOf = (path: string): number => lstatSync(path).mode & 0o7777;

describe("the state root", () => {
  let root: string;
  beforeEach(() => {
    root = `${temporaryDirectory()}/state`;
  });

  it("is made with its parents, for root alone", () => {
    prepareStateRoot(`${root}/a/b`);
    expect(modeOf(`${root}/a/b`)).toBe(0o700);
  });

  it("is not made where it must be there", () => {
    expect(() => prepareStateRoot(root, false)).toThrow(
      expect.objectContaining({ kind: "not-found" }),
    );
    expect(existsSync(root)).toBe(false);
    mkdirSync(root);
    prepareStateRoot(root, false);
    expect(modeOf(root)).toBe(0o700);
  });

  it("is closed to other users if it is empty or ours", () => {
    mkdirSync(root);
    chmodSync(root, 0o755);
    prepareStateRoot(root);
    expect(modeOf(root)).toBe(0o700);
    writeFileSync(`${root}/state.db`, "");
    chmodSync(root, 0o711);
    prepareStateRoot(root);
    expect(modeOf(root)).toBe(0o700);
  });

  it("is refused, and left as it is, if it is open and holds other things", () => {
    mkdirSync(root);
    writeFileSync(`${root}/mine`, "");
    chmodSync(root, 0o1777);
    expect(() => prepareStateRoot(root)).toThrow(expect.objectContaining({ kind: "invalid" }));
    expect(modeOf(root)).toBe(0o1777);
  });

  it("is refused if it is a file", () => {
    writeFileSync(root, "");
    expect(() => prepareStateRoot(root)).toThrow("is not a directory");
  });
});
