import { supervisorCommand } from "../supervisor-command.ts";

export default supervisorCommand(
  "Called by a container's supervisor when its process has ended, and when the wait before another start is over: records the end, starts the container again if its restart policy says so, removes it if that was asked for. It does no harm to call it again.",
  (containers, container) => containers.settle(container),
);
