import { existenceCommand } from "../existence-command.ts";

export default existenceCommand({
  usage: "CONTAINER",
  what: "such a container, running or not,",
  suggest: "containers",
  example: ["nacre container exists web || nacre create --name web nginx", "once"],
  find: (engine, name) => engine.containers.get(name),
});
