import { NacreError } from "@nacre/core/error.ts";
import { command } from "../command.ts";
import { isSelected, LATEST, withLatest } from "../container-selection.ts";
import { whyNothingIsPublished } from "../published-ports.ts";

export default command({
  usage: "[OPTIONS] CONTAINER [PORT[/PROTOCOL]]",
  description:
    "Shows which ports of this machine lead to those of a container, or to one of them. With the networks none and host none do, and it says why.",
  options: { latest: LATEST },
  operands: { least: 1, most: 2 },
  instead: isSelected,
  interspersed: true,
  suggest: ["containers"],
  failure: 1,
  examples: [["nacre port web 80/tcp", "where the container's port 80 is to be found"]],
  async run({ engine: made, host }, { latest }, operands) {
    const engine = await made();
    const { containers } = engine;
    const [name, port] = withLatest(latest, operands, engine);
    const { request } = containers.get(name!);
    const why = whyNothingIsPublished(request.network);
    if (port !== undefined) throw notPublished(checked(port), name!, why);
    host.printError(`nacre: ${name}: ${why}\n`);
    return 0;
  },
});

function checked(word: string): string {
  const [, number, protocol = "tcp"] = /^(\d+)(?:\/(.*))?$/.exec(word) ?? [];
  const sound = Number(number) >= 1 && Number(number) <= 65535;
  if (sound && ["tcp", "udp", "sctp"].includes(protocol.toLowerCase())) return word;
  throw new NacreError("invalid", `invalid port (${word})`, {
    advice: "A port is a number from 1 to 65535, with /tcp, /udp or /sctp.",
  });
}

function notPublished(port: string, name: string, why: string): NacreError {
  return new NacreError("not-found", `no public port '${port}' published for ${name}`, {
    advice: `There is none: ${why}.`,
  });
}
