import { join } from "node:path";
import { command } from "../command.ts";
import { isRootless } from "../default-root.ts";
import { packageRoot } from "../package-root.ts";

export default command({
  usage: "",
  description:
    "Prints a unit for systemd that starts containers with restart policies when the machine boots, and stops them in order when it goes down. For a user who is not root it is one of the user's own, at work from the boot on where lingering is enabled.",
  options: {},
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [
    ["nacre system boot-unit > /etc/systemd/system/nacre.service", "write it, as root"],
    ["systemctl enable nacre.service", "from the next boot on"],
    ["nacre system boot-unit > ~/.config/systemd/user/nacre.service", "write it, as another user"],
    ["systemctl --user enable nacre.service; loginctl enable-linger", "from the next boot on"],
  ],
  async run({ global, host }) {
    const program = join(packageRoot(), "bin", "nacre");
    host.print(unit(program, global.root, isRootless(host.environment)));
    return 0;
  },
});

/** Quoted as systemd.syntax(7) has it; percent signs are specifiers there, dollars variables. */
const quoted = (word: string): string =>
  `"${word.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%").replaceAll("$", "$$$$")}"`;

/** Without a daemon there is nothing to supervise: the unit is done when all have been started. */
export function unit(program: string, root: string, ofUser = false): string {
  // A user's systemd knows none of the machine's targets.
  const order = ofUser
    ? ""
    : "Wants=network-online.target\nAfter=network-online.target local-fs.target\n";
  return `[Unit]
Description=Containers of Nacre that start with the machine
Documentation=man:systemd.service(5)
${order}RequiresMountsFor=${quoted(root)}

[Service]
Type=oneshot
RemainAfterExit=yes
KillMode=none
ExecStart=${quoted(program)} --root ${quoted(root)} system boot

[Install]
WantedBy=${ofUser ? "default" : "multi-user"}.target
`;
}
