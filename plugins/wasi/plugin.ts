import { join } from "node:path";
import type { Plugin } from "@nacre/plugin-loader/plugin.ts";
import { WasiRuntime } from "./runtime.ts";

const plugin: Plugin = ({ bind, ports, directory }) => {
  bind(ports.Runtime)
    .toResolvedValue(() => new WasiRuntime(join(directory, "dist")), [])
    .whenNamed("wasi");
};

export default plugin;
