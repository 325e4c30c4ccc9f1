import { command } from "../command.ts";
import { KIND_OPTION } from "../namespace-options.ts";
import { flag, text } from "../options.ts";
import { namespacesJson, namespacesText } from "../text/namespaces.ts";

export default command({
  usage: "[OPTIONS]",
  description:
    "A namespace has no name: it is identified by its inode number in nsfs, which is what the links in /proc/PID/ns say. It lives as long as something holds it: a process in it, a descriptor that is open on it, or a bind mount of it, such as a pin (nacre ns pin). With the last of these it goes. An asterisk marks the namespaces that this command itself runs in.",
  options: {
    container: text(["container", "c"], "name", "Only what a container has for its own", "running"),
    json: flag(["json"], "Print JSON: an array, one element a namespace"),
    kind: KIND_OPTION,
  },
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [
    ["nacre ns ls --kind net", "every network namespace of this machine"],
    ["nacre ns ls --container web", "what the container web has for its own"],
  ],
  async run(context, { container, json, kind }) {
    const { namespaces } = await context.engine();
    const reports = await namespaces.list({
      kinds: kind,
      ...(container !== undefined && { container }),
    });
    context.host.print(json ? namespacesJson(reports) : namespacesText(reports));
    return 0;
  },
});
