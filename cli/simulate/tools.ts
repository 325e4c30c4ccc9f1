import { programFile } from "@nacre/simulated/exec.ts";
import { STANDARD_PROGRAMS } from "@nacre/simulated/standard-programs.ts";
import type { FilesLiteral } from "./image-literal.ts";

/** A small distribution for literal images: a shell and the usual tools in /bin, users, /tmp. */
export const tools: FilesLiteral = {
  ...Object.fromEntries(
    [...STANDARD_PROGRAMS.keys()].map((name) => [
      `/bin/${name}`,
      { content: programFile(name), mode: 0o755 },
    ]),
  ),
  "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
  "/etc/group": "root:x:0:\nnogroup:x:65534:\n",
  "/etc/os-release": 'ID=simulated\nPRETTY_NAME="Simulated Linux"\n',
  "/root": { directory: true, mode: 0o700 },
  "/tmp": { directory: true, mode: 0o1777 },
  "/var/tmp": { directory: true, mode: 0o1777 },
};
