import { existenceCommand } from "../existence-command.ts";

export default existenceCommand({
  usage: "SECRET",
  what: "a secret of this name",
  suggest: "secrets",
  example: ["nacre secret exists token || make-token | nacre secret create token -", "once"],
  find: (engine, name) => engine.secrets.get(name),
});
