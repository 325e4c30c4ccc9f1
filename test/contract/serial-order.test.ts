import { describe, expect, it } from "vitest";
import type { LifeCommand, LifeKind } from "./life-model.ts";
import { type Observed, serialOrder } from "./serial-order.ts";

const PLAIN: LifeKind = { autoRemove: false, always: false };
const observed = (...words: string[]): Observed[] =>
  words.map((word) => {
    const [command, answer = "done"] = word.split(": ");
    return { command: command as LifeCommand, answer: answer as Observed["answer"] };
  });

describe("an order that explains what was seen", () => {
  it("is found where there is one", () => {
    const seen = observed("rm", "stop", "start", "exec", "pause: conflict");
    const order = serialOrder("created", seen, "absent", PLAIN);
    expect(order).toHaveLength(5);
  });

  it.each<[string, string[], "created" | "running", "running" | "exited" | "absent"]>([
    ["of what was removed and runs", ["rm"], "created", "running"],
    ["of what executed and never ran", ["exec"], "created", "exited"],
    ["of two that took the same last state away", ["rm", "rm"], "created", "absent"],
    ["of a removal while it ran", ["rm"], "running", "absent"],
    ["of an end that nobody asked for", ["exec", "update"], "running", "exited"],
    [
      "of two that let go what was held once",
      ["pause", "unpause", "unpause"],
      "running",
      "running",
    ],
  ])("does not exist %s", (_, words, first, last) => {
    expect(serialOrder(first, observed(...words), last, PLAIN)).toBeUndefined();
  });

  it.each<[string[], "running" | "absent"]>([
    [["restart"], "running"],
    [["restart", "kill"], "absent"],
    // Killed while it was being restarted, and started again all the same.
    [["kill", "restart", "exec: conflict"], "running"],
    [["kill", "stop", "restart", "restart"], "running"],
    // Ended by a restart, and removed before it was started again.
    [["rm", "restart: not-found"], "absent"],
    [["restart: not-found", "restart: not-found", "stop", "exec: not-found"], "absent"],
  ])("is found of one that removes itself, of %j: %s", (words, last) => {
    const kind = { autoRemove: true, always: false };
    expect(serialOrder("running", observed(...words), last, kind)).toHaveLength(words.length);
  });

  it.each<[string[], "running" | "absent"]>([
    // Removed, looked at, and started by somebody else, between the two steps of a restart.
    [["restart: conflict", "rm", "exec: not-found"], "absent"],
    [["restart: not-found", "rm"], "absent"],
    [["restart", "exec: conflict", "pause: conflict"], "running"],
    [["restart: conflict", "start", "exec: conflict"], "running"],
  ])("is found of one that was restarted, of %j: %s", (words, last) => {
    expect(serialOrder("running", observed(...words), last, PLAIN)).toHaveLength(words.length);
  });

  it.each<[string[], "running" | "absent" | "exited"]>([
    [["restart"], "exited"],
    [["restart", "restart"], "absent"],
    [["restart", "stop: not-found"], "running"],
    [["restart: conflict"], "absent"],
  ])("does not exist of one that was restarted, of %j: %s", (words, last) => {
    expect(serialOrder("running", observed(...words), last, PLAIN)).toBeUndefined();
  });

  it.each<[string[], "running" | "absent" | "exited"]>([
    [["kill"], "running"],
    [["rm"], "absent"],
    [["exec"], "absent"],
    [["restart"], "absent"],
  ])("does not exist of one that removes itself, of %j: %s", (words, last) => {
    const kind = { autoRemove: true, always: false };
    expect(serialOrder("running", observed(...words), last, kind)).toBeUndefined();
  });

  it("is found among 200 commands at once", () => {
    const some = [
      "start",
      "stop",
      "pause",
      "unpause",
      "exec",
      "kill: conflict",
      "update",
      "restart",
    ];
    const seen = observed(...Array.from({ length: 25 }, () => some).flat());
    expect(serialOrder("created", seen, "exited", PLAIN)).toHaveLength(200);
  });
});
