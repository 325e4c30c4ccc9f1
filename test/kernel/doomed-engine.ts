// `node doomed-engine.ts ROOT CALL IMAGE COMMAND`: a command of an engine whose process is killed
// before its CALL-th call of files, state or kernel. Prints how many there were if it lives.

import { counted, wrappedEngine } from "./wrapped-engine.ts";

const [, , root = "", call = "", image = "", command = ""] = process.argv;
let calls = 0;
const count = (): void => {
  if (++calls === Number(call)) process.kill(process.pid, "SIGKILL");
};

const engine = wrappedEngine(root, {
  kernel: (kernel) => counted(kernel, count),
  files: (files) => counted(files, count),
  state: (state) => counted(state, count),
});
const { containers } = engine;
const request = { image, pull: "never", network: "none" } as const;
if (command === "run") {
  const running = await containers.run({ ...request, command: ["true"], autoRemove: true });
  await running.exited;
} else if (command === "run -d") {
  await containers.run({ ...request, command: ["sleep", "60"], detached: true });
} else if (command === "rm") await containers.remove("prize", { force: true });
else await engine.images.remove(image);
await engine[Symbol.asyncDispose]();
process.stdout.write(`${calls}\n`);
