import { NacreError } from "@nacre/core/error.ts";
import type { InstalledPlugin } from "@nacre/plugin-loader/installed.ts";
import { command } from "../command.ts";
import { text } from "../options.ts";
import { inspectionIn } from "../text/inspection.ts";

export default command({
  usage: "[OPTIONS] PLUGIN [PLUGIN...]",
  description: "What the manifests of plugins say, and where their packages are, as JSON.",
  options: { format: text(["format", "f"], "string", "'json' or a Go template", ["json"]) },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [["nacre plugin inspect @nacre/plugin-wasi", "what runs WebAssembly"]],
  async run({ global, host }, { format }, names) {
    const print = inspectionIn(format);
    const plugins = await host.plugins(global);
    const found = names.map((name) => inspected(name, plugins));
    print(host, found);
    return 0;
  },
});

function inspected(wanted: string, plugins: readonly InstalledPlugin[]): Record<string, unknown> {
  const found = plugins.find(({ manifest }) => manifest.name === wanted);
  if (!found) {
    throw new NacreError("not-found", `no such plugin: ${wanted}`, {
      advice: `There are: ${plugins.map(({ manifest }) => manifest.name).join(", ")}.`,
    });
  }
  const { manifest, directory, origin } = found;
  return {
    Name: manifest.name,
    Version: manifest.version,
    ApiVersion: manifest.apiVersion,
    Module: manifest.module,
    Directory: directory,
    From: origin,
    Provides: manifest.provides.map(({ port, name, platforms }) => ({
      Port: port,
      Name: name,
      ...(port === "Runtime" && { Platforms: platforms }),
    })),
  };
}
