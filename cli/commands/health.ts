import { supervisorCommand } from "../supervisor-command.ts";

export default supervisorCommand(
  "Called when a container's health is to be checked: does so, records what was found, and sees to the next check. It does nothing to a container that is not due.",
  (containers, container) => containers.checkHealth(container),
);
