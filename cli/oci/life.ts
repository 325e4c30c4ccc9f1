// The commands about a container that is there: start, state, kill, delete, pause, resume.

import { NacreError } from "@nacre/core/error.ts";
import { flag, text } from "../options.ts";
import { parseSignal } from "../parse/signal.ts";
import { ociCommand } from "./command.ts";

export const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

export const start = ociCommand({
  usage: "ID",
  summary: "Have a created container's process run",
  options: {},
  async run({ runtime }, _, [id]) {
    await runtime.start(id as string);
    return 0;
  },
});

export const state = ociCommand({
  usage: "ID",
  summary: "Show the state of a container, as JSON",
  options: {},
  async run({ host, runtime }, _, [id]) {
    host.print(json(runtime.look(id as string)));
    return 0;
  },
});

export const kill = ociCommand({
  usage: "ID [SIGNAL]",
  summary: "Send a signal, SIGTERM if no other, to a container's process",
  options: {
    all: flag(["all", "a"], "To all its processes"),
    signal: text(["signal", "s"], "SIGNAL", "Another way to name the signal"),
  },
  operands: { least: 1, most: 2 },
  async run({ runtime }, { all, signal }, [id, word]) {
    const wanted = word ?? signal ?? "TERM";
    // 0 asks whether it could be sent one (kill(2)).
    runtime.kill(id as string, wanted === "0" ? 0 : parseSignal(wanted), all);
    return 0;
  },
});

/** Somebody may ask for them by name; there is nothing behind. */
export const checkpoint = ociCommand({
  usage: "ID",
  summary: "Not supported: a process is not written to a disk here",
  options: {},
  operands: { least: 0, most: Number.POSITIVE_INFINITY },
  async run() {
    throw new NacreError("unsupported", "checkpoint and restore are not supported", {
      advice: "Use a runtime that has CRIU: crun or runc.",
    });
  },
});

export const deleteCommand = ociCommand({
  usage: "ID",
  summary: "Delete a stopped container",
  options: { force: flag(["force", "f"], "Kill it first; it need not exist") },
  async run({ runtime }, { force }, [id]) {
    await runtime.delete(id as string, force);
    return 0;
  },
});

export const pause = ociCommand({
  usage: "ID",
  summary: "Hold all processes of a container",
  options: {},
  async run({ runtime }, _, [id]) {
    await runtime.pause(id as string);
    return 0;
  },
});

export const resume = ociCommand({
  usage: "ID",
  summary: "Let a paused container go on",
  options: {},
  async run({ runtime }, _, [id]) {
    runtime.resume(id as string);
    return 0;
  },
});
