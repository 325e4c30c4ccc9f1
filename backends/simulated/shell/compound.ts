// Compound commands (POSIX 2.9.4): if, for, while, until, case, groups, subshells.

import { conditionHolds } from "./condition.ts";
import type { Shell } from "./interpreter.ts";
import { Jump } from "./jump.ts";
import { matches } from "./pattern.ts";
import type { Streams } from "./redirection.ts";
import type { Compound, StatementNode } from "./syntax.ts";

type Of<Type> = Extract<Compound, { readonly type: Type }>;
type Loop = Extract<Compound, { readonly type: "While" | "Until" }>;

/** Carries out a compound command, with its redirections made. */
export async function compound(shell: Shell, node: Compound, streams: Streams): Promise<void> {
  switch (node.type) {
    case "Group":
      await shell.run(node.body, streams);
      return;
    case "Subshell": {
      const work = (inner: Shell) => inner.run(node.body, inner.streams);
      shell.state.status = await shell.fork(work, streams).exited;
      return;
    }
    case "If":
      return ifCommand(shell, node, streams);
    case "For":
      return forCommand(shell, node, streams);
    case "CStyleFor":
      return countingFor(shell, node, streams);
    case "While":
    case "Until":
      return whileCommand(shell, node, streams);
    case "Case":
      return caseCommand(shell, node, streams);
    case "ArithmeticCommand": {
      const value = await shell.expansion.arithmetic(node.expression);
      shell.state.status = value === 0n ? 1 : 0;
      return;
    }
    case "ConditionalCommand": {
      const holds = await conditionHolds(shell, node.expression);
      shell.state.status = holds ? 0 : 1;
      return;
    }
  }
}

async function holds(
  shell: Shell,
  condition: readonly StatementNode[],
  streams: Streams,
): Promise<boolean> {
  return (await shell.deciding(() => shell.run(condition, streams))) === 0;
}

async function ifCommand(shell: Shell, node: Of<"If">, streams: Streams): Promise<void> {
  for (const { condition, body } of node.clauses) {
    if (await holds(shell, condition, streams)) {
      await shell.run(body, streams);
      return;
    }
  }
  shell.state.status = 0;
  if (node.elseBody) await shell.run(node.elseBody, streams);
}

/** One turn of a loop; false if it is the last. */
async function turn(shell: Shell, work: () => Promise<boolean>): Promise<boolean> {
  shell.state.loops++;
  try {
    await shell.step();
    return await work();
  } catch (error) {
    const leaves = error instanceof Jump && (error.kind === "break" || error.kind === "continue");
    if (!leaves) throw error;
    if (error.value > 1) throw new Jump(error.kind, error.value - 1);
    shell.state.status = 0;
    return error.kind === "continue";
  } finally {
    shell.state.loops--;
  }
}

async function body(
  shell: Shell,
  node: { readonly body: readonly StatementNode[] },
  streams: Streams,
): Promise<true> {
  await shell.run(node.body, streams);
  return true;
}

async function whileCommand(shell: Shell, node: Loop, streams: Streams): Promise<void> {
  const wanted = node.type === "While";
  let status = 0;
  const once = async (): Promise<boolean> => {
    const goesOn = (await holds(shell, node.condition, streams)) === wanted;
    if (goesOn) await shell.run(node.body, streams);
    else shell.state.status = status;
    return goesOn;
  };
  while (await turn(shell, once)) status = shell.state.status;
}

async function forCommand(shell: Shell, node: Of<"For">, streams: Streams): Promise<void> {
  const values = node.words ? await shell.expansion.fields(node.words) : shell.state.positions;
  shell.state.status = 0;
  for (const value of values) {
    shell.state.set(node.variable, value);
    if (!(await turn(shell, () => body(shell, node, streams)))) break;
  }
}

async function countingFor(shell: Shell, node: Of<"CStyleFor">, streams: Streams): Promise<void> {
  if (node.init) await shell.expansion.arithmetic(node.init);
  const holds = async (): Promise<boolean> =>
    !node.condition || (await shell.expansion.arithmetic(node.condition)) !== 0n;
  shell.state.status = 0;
  while (await holds()) {
    if (!(await turn(shell, () => body(shell, node, streams)))) break;
    if (node.update) await shell.expansion.arithmetic(node.update);
  }
}

async function caseCommand(shell: Shell, node: Of<"Case">, streams: Streams): Promise<void> {
  const value = await shell.expansion.text(node.word);
  shell.state.status = 0;
  let falls = false;
  for (const item of node.items) {
    let found = falls;
    for (const pattern of item.patterns) {
      found ||= matches(value, await shell.expansion.pattern(pattern));
    }
    if (!found) continue;
    await shell.run(item.body, streams);
    if (item.terminator === ";;") return;
    falls = item.terminator === ";&";
  }
}
