import { join } from "node:path";
import { command } from "../command.ts";
import { packageRoot } from "../package-root.ts";

export default command({
  usage: "",
  description:
    "Prints a unit for systemd that starts containers with restart policies when the machine boots, and stops them in order when it goes down.",
  options: {},
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [
    ["nacre system boot-unit > /etc/systemd/system/nacre.service", "write it, as root"],
    ["systemctl enable nacre.service", "from the next boot on"],
  ],
  async run({ global, host }) {
    host.print(unit(join(packageRoot(), "bin", "nacre"), global.root));
    return 0;
  },
});

/** Quoted as systemd.syntax(7) has it; percent signs are specifiers there, dollars variables. */
const quoted = (word: string): string =>
  `"${word.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%").replaceAll("$", "$$$$")}"`;

/** Without a daemon there is nothing to supervise: the unit is done when all have been started. */
export function unit(program: string, root: string): string {
  return `[Unit]
Description=Containers of Nacre that start with the machine
Documentation=man:systemd.service(5)
Wants=network-online.target
After=network-online.target local-fs.target
RequiresMountsFor=${quoted(root)}

[Service]
Type=oneshot
RemainAfterExit=yes
KillMode=none
ExecStart=${quoted(program)} --root ${quoted(root)} system boot

[Install]
WantedBy=multi-user.target
`;
}
