// The container's first process: Node, in the container's own namespaces, cgroups and root, with
// the module in a thread. This one only waits, so that it can answer signals: as the first process
// of its pid namespace nothing but SIGKILL ends it otherwise (pid_namespaces(7)).

import { constants } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Worker } from "node:worker_threads";
import { ENVIRONMENT, environmentOf } from "./environment.ts";
import type { GuestEnd } from "./guest.ts";
import type { ThreadData } from "./thread.ts";

const STACK_MB = 16;

for (const name of [
  "SIGTERM",
  "SIGINT",
  "SIGHUP",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
] as const) {
  process.on(name, () => process.exit(128 + constants.signals[name]));
}
const [, script = "", ...words] = process.argv;
const data: ThreadData = {
  kind: "native",
  process: {
    arguments: words,
    environment: environmentOf(JSON.parse(process.env[ENVIRONMENT] ?? "[]")),
    workingDirectory: process.cwd(),
  },
};
const thread = new Worker(join(script, "..", "thread.cjs"), {
  workerData: data,
  resourceLimits: { stackSizeMb: STACK_MB },
});
thread.once("message", ({ code }: GuestEnd) => process.exit(code));
thread.once("error", (error) => {
  process.stderr.write(`wasi: ${error.stack ?? error}\n`);
  process.exit(125);
});
