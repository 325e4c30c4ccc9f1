// What the launcher starts where its first word is `oci`: a bundle of its own (cli/start.ts), since
// whoever makes containers with it starts it several times for each.

import { offer } from "../entry-point.ts";
import { linuxRuntime } from "./composition.ts";
import { ociMain } from "./main.ts";
import { OciProcessHost } from "./process-host.ts";

offer("oci", () => {
  // Not at once: what the other bundle asks of this one is there when this one has run to its end.
  void Promise.resolve()
    .then(() => ociMain(process.argv.slice(3), new OciProcessHost(), linuxRuntime))
    .then((code) => process.exit(code));
});
