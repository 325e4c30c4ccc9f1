// The process of a kernel in memory: the module runs in a thread of the engine's process, and its
// streams, files and waiting are the simulated process's.

import { MessageChannel, Worker } from "node:worker_threads";
import type { InterpretedProcess } from "@nacre/core/ports/runtime.ts";
import type { GuestEnd } from "./guest.ts";
import type { ThreadData, ThreadQuestion } from "./thread.ts";
import { applyChanges, changesOf, readTree, TREE_LIMIT_BYTES, TreeTooLarge } from "./tree.ts";

/** Signals that a first process would ignore, and that are meant to end it. */
const ENDING = [1, 2, 3, 15] as const;
const STACK_MB = 16;

/** `script`: the path of the thread's code. */
export async function interpret(process: InterpretedProcess, script: string): Promise<number> {
  const { files, stderr } = process;
  try {
    const tree = readTree(files);
    const { code, tree: left } = await run(process, script, {
      arguments: process.arguments.slice(1),
      environment: process.environment,
      workingDirectory: files.workingDirectory(),
      tree,
    });
    const failures: string[] = [];
    if (left) {
      applyChanges(files, changesOf(tree, left), (path, error) =>
        failures.push(`wasi: ${path} is not kept: ${(error as Error).message}\n`),
      );
    }
    if (failures.length > 0) await stderr.write(failures.join(""));
    return code;
  } catch (error) {
    if (!(error instanceof TreeTooLarge)) throw error;
    await stderr.write(`wasi: the root holds more than ${TREE_LIMIT_BYTES >> 20} MiB\n`);
    return 125;
  }
}

function run(
  process: InterpretedProcess,
  script: string,
  guest: Extract<ThreadData, { kind: "asked" }>["process"],
): Promise<GuestEnd> {
  const { port1: ours, port2: port } = new MessageChannel();
  const answers = new Int32Array(new SharedArrayBuffer(4));
  const workerData: ThreadData = { kind: "asked", process: guest, port, answers };
  const thread = new Worker(script, {
    workerData,
    transferList: [port],
    resourceLimits: { stackSizeMb: STACK_MB },
  });
  ours.on("message", (question: ThreadQuestion) => {
    const reply = (answer: unknown): void => {
      ours.postMessage(answer);
      Atomics.add(answers, 0, 1);
      Atomics.notify(answers, 0);
    };
    // A process that has ended is asked nothing any more: its thread is being stopped.
    answerOf(process, question).then(reply, () => {});
  });
  return new Promise<GuestEnd>((resolve, reject) => {
    thread.once("message", resolve);
    thread.once("error", reject);
    thread.once("exit", () => reject(new Error("the module's thread was stopped")));
    process.signal.addEventListener("abort", () => void thread.terminate(), { once: true });
    for (const signal of ENDING) process.handle(signal, () => resolve({ code: 128 + signal }));
  }).finally(() => {
    ours.close();
    return thread.terminate();
  });
}

async function answerOf(process: InterpretedProcess, question: ThreadQuestion): Promise<unknown> {
  if (question.ask === "sleep") return process.sleep(question.delayMs);
  if (question.ask === "read") return process.stdin.read();
  try {
    await (question.stream === 1 ? process.stdout : process.stderr).write(question.bytes);
    return true;
  } catch (error) {
    if ((error as { errno?: unknown }).errno === "EPIPE") return false;
    throw error;
  }
}
