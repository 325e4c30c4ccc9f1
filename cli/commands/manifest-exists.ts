import { existenceCommand } from "../existence-command.ts";

export default existenceCommand({
  usage: "INDEX",
  what: "an index of this name",
  suggest: "images",
  example: ["nacre manifest exists team/app:1 || nacre manifest create team/app:1", "once"],
  find: (engine, name) => engine.indexes.get(name),
});
