// The commands by name. What one is made of is loaded when it is asked for: most of a container's
// life are commands that plan nothing.

import type { OciCommand } from "./command.ts";
import { create, run } from "./create.ts";
import { exec } from "./exec.ts";
import { checkpoint, deleteCommand, kill, pause, resume, start, state } from "./life.ts";
import { events, features, list, ps } from "./looks.ts";
import { spec } from "./spec.ts";
import { update } from "./update.ts";

const COMMANDS: Readonly<Record<string, () => OciCommand>> = {
  create: () => create,
  start: () => start,
  state: () => state,
  kill: () => kill,
  delete: () => deleteCommand,
  exec: () => exec,
  run: () => run,
  list: () => list,
  ps: () => ps,
  pause: () => pause,
  resume: () => resume,
  update: () => update,
  events: () => events,
  features: () => features,
  spec: () => spec,
  checkpoint: () => checkpoint,
  restore: () => checkpoint,
};

export const ociCommandNamed = (name: string): OciCommand | undefined =>
  Object.hasOwn(COMMANDS, name) ? COMMANDS[name]?.() : undefined;

/** All of them, for the help. */
export const ociCommands = (): Readonly<Record<string, OciCommand>> =>
  Object.fromEntries(Object.entries(COMMANDS).map(([name, load]) => [name, load()]));
