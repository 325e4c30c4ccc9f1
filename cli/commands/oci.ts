import { command } from "../command.ts";

export default command({
  usage: "COMMAND [ARGUMENT...]",
  description:
    "An OCI runtime's command line (create, start, state, kill, delete, exec, run, ps, list, pause, resume, update, events, features, spec), for podman, containerd and docker. It is installed as nacre-runtime, too; nacre oci --help teaches it.",
  options: {},
  operands: { least: 0, most: Number.POSITIVE_INFINITY },
  interspersed: false,
  suggest: [],
  failure: 1,
  examples: [
    [
      "podman --runtime $(command -v nacre-runtime) run debian:12 true",
      "podman's container, made by Nacre",
    ],
    ["nacre oci run -b bundle web", "a bundle's container, from its beginning to its end"],
  ],
  /** The launcher has a bundle of its own for it (cli/start.ts); this is for who calls `main`. */
  async run(_, __, words) {
    const { linuxRuntime } = await import("../oci/composition.ts");
    const { ociMain } = await import("../oci/main.ts");
    const { OciProcessHost } = await import("../oci/process-host.ts");
    return ociMain(words, new OciProcessHost(), linuxRuntime);
  },
});
