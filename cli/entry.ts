// What the launcher starts (bin/nacre). Nothing here may cost time: commands, the engine and the
// help are loaded when they are called for.

import { offer } from "./entry-point.ts";
import { main } from "./main.ts";
import { ProcessHost } from "./process-host.ts";

// What is loaded before a process is frozen says nothing of the command yet.
offer("nacre", () => {
  void main(process.argv.slice(2), new ProcessHost()).then((code) => process.exit(code));
});
