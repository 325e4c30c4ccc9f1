// Pulls in a process of its own: `node pull-process.ts ROOT REFERENCE`. Tests kill it.

import { machine } from "./pull-machine.ts";

const [root = "", reference = ""] = process.argv.slice(2);
await using here = machine({ root, self: { pid: process.pid, startTime: 2n } });
await here.images.pull(reference);
