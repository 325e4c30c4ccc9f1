// What the launcher starts (bin/nacre). Nothing here may cost time: commands, the engine and the
// help are loaded when they are called for.

import { main } from "./main.ts";
import { ProcessHost } from "./process-host.ts";

void main(process.argv.slice(2), new ProcessHost()).then((code) => process.exit(code));
