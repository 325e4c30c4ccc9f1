// What the test's page runs: an image from bytes that it fetched, on a kernel in the page.

import { simulate } from "nacre/simulated";

async function main(): Promise<unknown> {
  const layer = new Uint8Array(await (await fetch("/layer.tar.gz")).arrayBuffer());
  await using simulation = await simulate({
    images: { "app:1": { layers: [layer], command: ["sh", "/app.sh"] } },
  });
  const result = await simulation.run("app:1");
  const { containers } = simulation.engine;
  const { container } = await containers.run({
    image: "app:1",
    detached: true,
    command: ["sleep", "1d"],
  });
  const joined = await simulation.exec(container.id, ["sh", "-c", "ps -o pid,args | head -n 2"]);
  await containers.stop(container.id);
  const { exitCode } = containers.get(container.id);
  return { result, joined, exitCode, node: typeof globalThis.process };
}

const say = (body: unknown): Promise<Response> =>
  fetch("/result", { method: "POST", body: JSON.stringify(body) });

main().then(say, (error: Error) => say({ error: `${error.stack}` }));
