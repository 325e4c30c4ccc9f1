import type { Operation } from "@nacre/core/program/operation.ts";
import { isSingle, ownTree } from "@nacre/core/user-namespace/own-tree.ts";
import { describe, expect, it } from "vitest";

const line = (containerID: number, hostID: number, size: number) => ({ containerID, hostID, size });
const WHOLE = {
  uids: [line(0, 1000, 1), line(1, 100_000, 65_536)],
  gids: [line(0, 1000, 1), line(1, 100_000, 65_536)],
};
const SINGLE = { uids: [line(0, 1000, 1)], gids: [line(0, 1000, 1)] };

const value = new Uint8Array([121]);
const named = (name: string): Operation => ({ op: "placeAttribute", path: "a", name, value });
const node = (type: "character" | "block" | "fifo", major: number, minor: number): Operation => ({
  ...{ op: "placeNode", path: "n", type, major, minor, mode: 0, uid: 0, gid: 0 },
});
const file = (uid: number, gid: number): Operation => ({
  ...{ op: "placeFile", path: "f", source: "t", segments: [], mode: 0o644, uid, gid },
});
const own = (host: Operation[], maps = WHOLE) => ownTree({ title: "t", host }, maps).host;

describe("a tree in a user namespace", () => {
  it("is what it was where there is none", () => {
    const program = { title: "t", host: [named("trusted.mine"), node("block", 8, 0)] };
    expect(ownTree(program, undefined)).toBe(program);
  });

  it("has overlayfs's marks where overlayfs looks, and none that a layer made up", () => {
    expect(own([named("trusted.overlay.opaque")])).toEqual([named("user.overlay.opaque")]);
    expect(own([named("user.overlay.opaque"), named("user.overlay.redirect")])).toEqual([]);
    expect(own([named("trusted.mine")])).toEqual([]);
    const kept = [named("user.mine"), named("security.capability")];
    expect(own(kept)).toEqual(kept);
  });

  it("has whiteouts and pipes, and no devices", () => {
    const kept = [node("character", 0, 0), node("fifo", 0, 0)];
    expect(own([...kept, node("character", 1, 3), node("block", 0, 0)])).toEqual(kept);
  });

  it("belongs to those who are there", () => {
    expect(own([file(65_536, 7)])).toEqual([file(65_536, 7)]);
    expect(() => own([file(65_537, 0)])).toThrow("/f belongs to 65537:0, who is nobody here");
    expect(() => own([file(0, 70_000)])).toThrow("belongs to 0:70000");
  });

  it("belongs to the only one there is, where there is one", () => {
    expect(isSingle(WHOLE)).toBe(false);
    expect(isSingle(SINGLE)).toBe(true);
    expect(own([file(55, 66), file(0, 0)], SINGLE)).toEqual([file(0, 0), file(0, 0)]);
  });
});
