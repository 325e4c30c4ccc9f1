import type { Plugin } from "@nacre/plugin-loader/plugin.ts";
import { OciServer } from "./oci-server.ts";

const plugin: Plugin = ({ bind, ports }) => {
  bind(ports.ImageServer)
    .toResolvedValue(() => new OciServer(), [])
    .whenNamed("oci");
};

export default plugin;
