import { type Context, command } from "../command.ts";
import { pinWords } from "../namespace-options.ts";
import { flag } from "../options.ts";
import { humanSize } from "../text/size.ts";

export default command({
  usage: "[OPTIONS]",
  description:
    "Removes stopped containers, images without a name (with -a all that no container needs), and what killed processes left behind.",
  options: {
    all: flag(["all", "a"], "Also images that have a name and no container"),
    force: flag(["force", "f"], "Do not ask"),
    pins: flag(["pins"], "Also pinned namespaces that no process is in"),
  },
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [["nacre system prune -af", "everything that nothing needs, without asking"]],
  async run(context, { all, force, pins }) {
    if (!force && !confirmed(context, all, pins)) return 1;
    const engine = await context.engine();
    const pruned = await engine.system.prune({ all, pins });
    const { containers, images, reclaimedBytes } = pruned;
    const { host } = context;
    if (containers.length > 0) host.print(`Deleted Containers:\n${containers.join("\n")}\n\n`);
    if (images.length > 0) host.print(`Deleted Images:\n${images.join("\n")}\n\n`);
    if (pruned.pins.length > 0) host.print(`Deleted Pins:\n${pruned.pins.join("\n")}\n\n`);
    const left = engine.namespaces.pins();
    if (left.length > 0) {
      host.print(`Still Pinned (nacre ns unpin):\n${left.map(pinWords).join("\n")}\n\n`);
    }
    host.print(`Total reclaimed space: ${humanSize(reclaimedBytes)}\n`);
    return 0;
  },
});

function confirmed({ host }: Context, all: boolean, pins: boolean): boolean {
  const images = all ? "all images without a container" : "all images without a name";
  const namespaces = pins ? "  - all pinned namespaces without a process\n" : "";
  host.print(
    `WARNING! This will remove:\n  - all stopped containers\n  - ${images}\n${namespaces}\nAre you sure you want to continue? [y/N] `,
  );
  const answer = host.readLine().trim().toLowerCase();
  return answer === "y" || answer === "yes";
}
