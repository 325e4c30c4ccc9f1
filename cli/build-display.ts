// How a build looks: in a terminal a list of its steps, repainted in place; in a pipe lines that
// begin with the step's number, as BuildKit writes them; events as JSON; or nothing but what failed.

import type { BuildEvent } from "@nacre/engine/engine.ts";
import type { Host } from "./host.ts";
import { neutralise, neutraliseLog } from "./text/escape.ts";
import { Repaint } from "./text/repaint.ts";
import { ellipsis } from "./text/table.ts";

export type Progress = "plain" | "tty" | "rawjson" | "quiet";

interface Step {
  readonly number: number;
  readonly name: string;
  state: Extract<BuildEvent, { type: "step" }>["state"];
  tookMs: number;
  readonly begunMs: number;
  /** Lines that it has said, and the beginning of the next. */
  readonly lines: string[];
  rest: string;
}

/** Of what a step has said, so much is kept to be shown if it fails. */
const KEPT_LINES = 200;
const SHOWN_LINES = 30;
/** Of a step that runs, in a terminal. */
const TAIL_LINES = 6;

export class BuildDisplay {
  readonly #host: Host;
  readonly #progress: Progress;
  readonly #steps = new Map<number, Step>();
  readonly #decoder = new TextDecoder();
  readonly #begunMs: number;
  readonly #warnings: string[] = [];
  /** In a terminal; others do not load it. */
  #repaint: Repaint | undefined;
  /** The step that has the last line, and whether an empty one has ended it. */
  #last = 0;
  #isParted = true;

  constructor(host: Host, progress: Progress) {
    this.#host = host;
    this.#progress = progress;
    this.#begunMs = host.nowMs();
  }

  show(event: BuildEvent): void {
    if (this.#progress === "rawjson")
      this.#host.printError(`${JSON.stringify(plainEvent(event))}\n`);
    if (event.type === "warning") this.#warn(event.message);
    else if (event.type === "step") this.#step(event);
    else this.#output(event.number, event.bytes);
  }

  /** Paints the last state; what a step that failed has said comes last. */
  finish(): void {
    if (this.#progress === "tty") {
      this.#paint(true);
      for (const warning of this.#warnings) this.#host.printError(`WARNING: ${warning}\n`);
    }
    if (this.#progress === "rawjson") return;
    const failed = [...this.#steps.values()].find(({ state }) => state === "failed");
    if (failed) this.#host.printError(failureOf(failed));
  }

  #warn(message: string): void {
    const shown = neutralise(message);
    this.#warnings.push(shown);
    if (this.#progress === "plain") this.#host.printError(`WARNING: ${shown}\n`);
  }

  #step({ number, name, state, tookMs }: Extract<BuildEvent, { type: "step" }>): void {
    const known = this.#steps.get(number);
    const step: Step = known ?? {
      ...{ number, name: neutralise(name), state, tookMs, lines: [], rest: "" },
      begunMs: this.#host.nowMs(),
    };
    Object.assign(step, { state, tookMs });
    this.#steps.set(number, step);
    if (state !== "started" && step.rest !== "") this.#said(step, "\n");
    if (this.#progress === "tty") this.#paint(known === undefined);
    if (this.#progress !== "plain") return;
    if (state === "started") this.#line(step, step.name);
    if (state === "started") return;
    const ends = {
      cached: "CACHED",
      done: `DONE ${seconds(tookMs)}`,
      failed: "ERROR",
      canceled: "CANCELED",
    };
    this.#line(step, ends[state]);
    this.#host.printError("\n");
    this.#isParted = true;
  }

  #output(number: number, bytes: Uint8Array): void {
    const step = this.#steps.get(number);
    if (step) this.#said(step, this.#decoder.decode(bytes));
    if (this.#progress === "tty") this.#paint(false);
  }

  #said(step: Step, text: string): void {
    const lines = (step.rest + text).split(/\r?\n/);
    step.rest = lines.pop() ?? "";
    for (const line of lines) {
      const shown = neutraliseLog(line);
      const at = seconds(this.#host.nowMs() - step.begunMs, 3).slice(0, -1);
      if (this.#progress === "plain") this.#line(step, `${at} ${shown}`);
      step.lines.push(`${at} ${shown}`);
      if (step.lines.length > KEPT_LINES) step.lines.shift();
    }
  }

  /** A line of a step; where another one had the last, an empty one parts them and its name comes again. */
  #line({ number, name }: Step, text: string): void {
    const isOther = this.#last !== number;
    const named = isOther && text !== name ? `#${number} ${name}\n` : "";
    const head = isOther && !this.#isParted ? `\n${named}` : named;
    this.#last = number;
    this.#isParted = false;
    this.#host.printError(`${head}#${number} ${text}\n`);
  }

  #paint(now: boolean): void {
    const nowMs = this.#host.nowMs();
    this.#repaint ??= new Repaint((text) => this.#host.printError(text));
    if (!this.#repaint.isDue(nowMs, now)) return;
    const { rows = 24, columns = 80 } = this.#host.terminalSize() ?? {};
    const lines = this.#picture(nowMs).map((line) => ellipsis(line, columns - 1));
    const shown = [lines[0] ?? "", ...lines.slice(1).slice(-(rows - 2))];
    this.#repaint.paint(shown);
  }

  #picture(nowMs: number): string[] {
    const steps = [...this.#steps.values()];
    const ended = steps.filter(({ state }) => state !== "started").length;
    const head = `[+] Building ${seconds(nowMs - this.#begunMs)} (${ended}/${steps.length})`;
    return [head, ...steps.flatMap((step) => this.#shownStep(step, nowMs))];
  }

  #shownStep(step: Step, nowMs: number): string[] {
    const { state, name, lines } = step;
    const mark = {
      started: "",
      cached: "CACHED ",
      done: "",
      failed: "ERROR ",
      canceled: "CANCELED ",
    };
    const took = state === "started" ? nowMs - step.begunMs : step.tookMs;
    const line = ` => ${mark[state]}${name}`;
    const width = this.#host.columns() - 10;
    const head = `${ellipsis(line, width).padEnd(width)} ${seconds(took).padStart(7)}`;
    const tail = state === "started" ? lines.slice(-TAIL_LINES) : [];
    return [head, ...tail.map((one) => ` => => # ${one}`)];
  }
}

const seconds = (ms: number, digits = 1): string => `${(ms / 1000).toFixed(digits)}s`;

function failureOf({ name, lines }: Step): string {
  const shown = lines
    .slice(-SHOWN_LINES)
    .map((line) => `${line}\n`)
    .join("");
  return `------\n > ${name}:\n${shown}------\n`;
}

/** Bytes as text, so that JSON can hold them. */
function plainEvent(event: BuildEvent): object {
  if (event.type !== "output") return event;
  const { bytes, ...rest } = event;
  return { ...rest, text: new TextDecoder().decode(bytes) };
}
