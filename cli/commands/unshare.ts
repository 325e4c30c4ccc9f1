import { command } from "../command.ts";
import { isRootless } from "../default-root.ts";
import { UsageError } from "../failure.ts";

export default command({
  usage: "[PROGRAM] [ARG...]",
  description:
    "Executes a program, or your shell, where your containers are: in the user and mount namespace that nacre makes for users who are not root. It is root there, and can look at what belongs to a container's other users, or use Nacre's library.",
  options: {},
  operands: { least: 0, most: Number.POSITIVE_INFINITY },
  interspersed: false,
  suggest: [],
  failure: 125,
  examples: [
    ["nacre unshare cat /proc/self/uid_map", "who is who there"],
    ["nacre unshare rm -r data", "what containers have left in a directory"],
    ["nacre unshare node app.mjs", "a program that uses the library"],
  ],
  async run({ host }, _, words) {
    if (!isRootless(host.environment)) {
      const message = "nacre: unshare is for users who are not root: root needs no other namespace";
      throw new UsageError(message, "nacre unshare", 125);
    }
    const refusal = host.environment.NACRE_ROOTLESS_FAULT;
    if (refusal !== undefined) {
      throw new UsageError(
        `nacre: this user gets no user namespace (${refusal})`,
        "nacre unshare",
        125,
      );
    }
    return host.execute(words.length > 0 ? words : [host.environment.SHELL || "/bin/sh"]);
  },
});
