// `npm start`: the main job from end to end, on an image that it makes itself. Every command it
// shows is the real one, run by the real launcher against a state root of its own that goes at the
// end, together with the registry, the image and all that they made.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { serveRegistry } from "@nacre/plugin-registry/server.ts";
import { demoContent, missingForDemo } from "./demo/image.ts";

const NACRE = fileURLToPath(new URL("../cli/bin/nacre", import.meta.url));
const bold = (text: string): string => (process.stdout.isTTY ? `\x1b[1m${text}\x1b[22m` : text);

let step = 0;
function say(title: string, text: string): void {
  step += 1;
  console.log(`\n${bold(`${step}. ${title}`)}\n   ${text}\n`);
}

/** Shows a command and runs it with the demonstration's root; resolves to its exit code. */
function nacre(root: string, words: readonly string[]): Promise<number> {
  const shown = words.map((word) => (/^[\w@:./=-]+$/.test(word) ? word : `'${word}'`));
  console.log(bold(`$ nacre ${shown.join(" ")}`));
  const child = spawn(NACRE, words, {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, NACRE_ROOT: root },
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

async function mustSucceed(root: string, words: readonly string[]): Promise<void> {
  const code = await nacre(root, words);
  if (code !== 0) throw new Error(`nacre ${words[0]} ended with exit code ${code}`);
}

/** A container that runs in the background, looked at and taken down. */
async function demonstrateDetached(root: string, image: string): Promise<void> {
  say(
    "Without a daemon",
    "A detached container has one companion, which keeps its log and its exit status.",
  );
  await mustSucceed(root, ["run", "-d", "--name", "watcher", image, "/bin/look", "--wait"]);
  await mustSucceed(root, ["ps"]);
  await mustSucceed(root, ["exec", "watcher", "/bin/look"]);

  say(
    "Cgroups and namespaces",
    "Its nodes in the kernel's hierarchies, its namespaces, and what keeps each alive. A pin does, too.",
  );
  await mustSucceed(root, ["cgroup", "tree", "watcher"]);
  await mustSucceed(root, ["ns", "ls", "--container", "watcher"]);
  await mustSucceed(root, ["ns", "pin", "kept", "--kind", "uts", "watcher"]);
  await mustSucceed(root, ["stop", "-t", "2", "watcher"]);
  await mustSucceed(root, ["logs", "--tail", "2", "watcher"]);
  await mustSucceed(root, ["rm", "watcher"]);
  await mustSucceed(root, ["ns", "exec", "kept", "uname", "-n"]);
  await mustSucceed(root, ["ns", "unpin", "kept"]);
}

async function demonstrate(root: string): Promise<void> {
  say(
    "An image and a registry",
    "Three layers with one program, two files and a deletion, served on loopback as any registry would.",
  );
  await using registry = await serveRegistry(await demoContent());
  const image = `${registry.address}/demo/look`;
  console.log(`serving ${image}:latest`);

  say(
    "Pull",
    "Each layer is decompressed once into one file, verified on the way, and never unpacked.",
  );
  await mustSucceed(root, ["pull", image]);
  await mustSucceed(root, ["images"]);

  say(
    "Layers",
    "Three tars are merged into one image that points into them. Which layer gives a path?",
  );
  await mustSucceed(root, ["image", "layers", image]);
  await mustSucceed(root, ["image", "layers", image, "/etc/greeting"]);

  say(
    "The program",
    "What a run would do, before it does it: a program for the kernel, with its reasons.",
  );
  await mustSucceed(root, ["explain", "run", "--memory", "64m", "--pids-limit", "20", image]);

  say(
    "Run",
    "The program of the image looks around: its own root, processes, name, limits, namespaces.",
  );
  await mustSucceed(root, ["run", "--rm", "--memory", "64m", "--pids-limit", "20", image]);

  await demonstrateDetached(root, image);

  say(
    "This machine as an image",
    "`host` is the machine's own root under an overlay: delete what you like.",
  );
  await mustSucceed(root, [
    "run",
    "--rm",
    "host",
    "sh",
    "-c",
    "rm -rf /etc; echo /etc is gone: $(ls /)",
  ]);
  console.log("and here /etc still is.");

  say("Clean up", "What is left is what was asked to be kept; then nothing.");
  await mustSucceed(root, ["system", "prune", "-a", "-f"]);
}

const missing = missingForDemo();
if (missing.length > 0) {
  console.log(`The demonstration runs real containers. For that this machine lacks:\n`);
  for (const what of missing) console.log(`  - ${what}`);
  console.log(`
What works without it:
  npx nacre --help            every command, explained
  npx nacre pull IMAGE        with --root DIR in a directory of your own
  npm test                    the core, the engine and the simulated kernel`);
} else {
  // Not in /tmp: EROFS images cannot be mounted from a tmpfs, which /tmp often is.
  const root = mkdtempSync(join("/var/tmp", "nacre-demo-"));
  try {
    await demonstrate(root);
    console.log(bold("\nThat was the main job. nacre --help shows the rest."));
  } catch (error) {
    console.error(`\nThe demonstration stopped: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  } finally {
    spawnSync(NACRE, ["--root", root, "rm", "-f", "watcher"], { stdio: "ignore" });
    spawnSync(NACRE, ["--root", root, "ns", "unpin", "kept"], { stdio: "ignore" });
    rmSync(root, { recursive: true, force: true });
  }
}
