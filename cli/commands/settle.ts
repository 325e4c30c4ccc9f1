import { supervisorCommand } from "../supervisor-command.ts";

export default supervisorCommand(
  "Called by a container's supervisor when its process has ended: records the end, removes the container if that was asked for. It does no harm to call it again.",
  (containers, container) => containers.settle(container),
);
