import { existenceCommand } from "../existence-command.ts";

export default existenceCommand({
  usage: "IMAGE",
  what: "such an image",
  suggest: "images",
  example: ["nacre image exists team/app:1 || nacre build -t team/app:1 .", "once"],
  find: (engine, name) => engine.images.get(name),
});
