import { existenceCommand } from "../existence-command.ts";

export default existenceCommand({
  usage: "VOLUME",
  what: "a volume of this name",
  suggest: "volumes",
  example: ["nacre volume exists data || nacre volume create data", "once"],
  find: (engine, name) => engine.volumes.get(name),
});
