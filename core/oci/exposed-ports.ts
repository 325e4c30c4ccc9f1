// Ports that an image or a container says it serves: `80`, `53/udp`, `8000-8010`. The same grammar
// in a Dockerfile's EXPOSE, in `--change 'EXPOSE …'` and in `--expose`.
// Source: Dockerfile reference, EXPOSE; OCI image-spec, config.md, ExposedPorts.

import { NacreError } from "../error.ts";

export interface PortRange {
  readonly first: number;
  /** At least `first`. */
  readonly last: number;
  readonly protocol: string;
}

export const LAST_PORT = 65535;

/** The protocol in lower case, `tcp` where none is said. Undefined for what is no port and no range. */
export function parsePortRange(text: string): PortRange | undefined {
  const [, from, to = from, protocol = "tcp"] =
    /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/i.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  const sound = from !== undefined && first <= last && last <= LAST_PORT;
  return sound ? { first, last, protocol: protocol.toLowerCase() } : undefined;
}

/** Each port as `ExposedPorts` names it: `8000/udp`. */
export const portsIn = ({ first, last, protocol }: PortRange): string[] =>
  Array.from({ length: last - first + 1 }, (_, n) => `${first + n}/${protocol}`);

/** @throws NacreError `invalid` */
export function portRangeOf(text: string): PortRange {
  const range = parsePortRange(text);
  if (range) return range;
  throw new NacreError("invalid", `${JSON.stringify(text)} is no port`, {
    advice: "A port looks like 80, 53/udp or 8000-8010.",
  });
}
