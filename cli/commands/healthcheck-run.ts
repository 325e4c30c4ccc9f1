import { command } from "../command.ts";

export default command({
  usage: "CONTAINER",
  description:
    "Checks a container's health at once, whether a check is due or not, records what was found, and prints what the container is then. The exit code is 0 if this check found it well, else 1.",
  options: {},
  operands: { least: 1, most: 1 },
  interspersed: true,
  suggest: ["running"],
  failure: 125,
  examples: [["nacre healthcheck run web", "healthy, starting or unhealthy"]],
  async run({ host, engine }, _, [name]) {
    const { containers } = await engine();
    const found = await containers.checkHealth(name!, { now: true });
    host.print(`${found!.status}\n`);
    return found!.log.at(-1)?.exitCode === 0 ? 0 : 1;
  },
});
