// The life of a container as a table: what each command does in each state, and what it answers.
// Written down a second time, apart from the engine's own machine (engine/containers/state.ts), so
// that tests can hold the one to the other, in order and at once.

/** `absent`: there is none. `dying` and the like are never seen from outside. */
export type LifeStatus = "absent" | "created" | "running" | "paused" | "exited";

export type LifeCommand =
  | "create"
  | "start"
  | "stop"
  | "kill"
  | "pause"
  | "unpause"
  | "restart"
  | "rename"
  | "update"
  | "exec"
  | "wait"
  | "rm"
  | "rm -f"
  /** Its process is killed by somebody else. */
  | "end";

export const LIFE_COMMANDS: readonly LifeCommand[] = [
  "create",
  "start",
  "stop",
  "kill",
  "pause",
  "unpause",
  "restart",
  "rename",
  "update",
  "exec",
  "wait",
  "rm",
  "rm -f",
  "end",
];

/** What a container was made with, as far as its life depends on it. */
export interface LifeKind {
  readonly autoRemove: boolean;
  /** Started again whenever it ends by itself. */
  readonly always: boolean;
}

/** `done`, or the kind of the error. */
export type LifeAnswer = "done" | "conflict" | "exists" | "not-found";

export interface LifeStep {
  readonly answer: LifeAnswer;
  readonly next: LifeStatus;
}

const done = (next: LifeStatus): LifeStep => ({ answer: "done", next });

/** What a command does where nothing else is done meanwhile. Undefined where it would wait for ever. */
export function lifeStep(
  status: LifeStatus,
  command: LifeCommand,
  { autoRemove, always }: LifeKind,
): LifeStep | undefined {
  const refused = (answer: LifeAnswer): LifeStep => ({ answer, next: status });
  const runs = status === "running" || status === "paused";
  const atEnd: LifeStatus = autoRemove ? "absent" : "exited";
  if (command === "create") return status === "absent" ? done("created") : refused("exists");
  if (status === "absent") return command === "end" ? done("absent") : refused("not-found");
  switch (command) {
    case "start":
      return runs ? refused("conflict") : done("running");
    case "stop":
      return done(runs ? atEnd : status);
    case "kill":
      return runs ? done(atEnd) : refused("conflict");
    case "pause":
      return status === "running" ? done("paused") : refused("conflict");
    case "unpause":
      return status === "paused" ? done("running") : refused("conflict");
    case "restart":
      // One that removes itself is kept from it meanwhile.
      return done("running");
    case "rename":
    case "update":
      return done(status);
    case "exec":
      return status === "running" ? done(status) : refused("conflict");
    case "wait":
      return runs ? undefined : done(status);
    case "rm":
      return runs ? refused("conflict") : done("absent");
    case "rm -f":
      return done("absent");
    case "end":
      // What is held does not end before somebody lets it go: SIGKILL waits for that on v1.
      if (status !== "running") return done(status);
      return done(always ? "running" : atEnd);
  }
}
