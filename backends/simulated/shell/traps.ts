// Traps: what a shell does at a signal, between its commands, and at its end.

import { SIGNALS, signalName, signalNumber } from "@nacre/core/program/signals.ts";
import type { Shell } from "./interpreter.ts";
import { Jump } from "./jump.ts";

/** The number under which the trap at the end of a shell is kept. */
export const EXIT = 0;

export class Traps {
  readonly #shell: Shell;
  readonly #pending: number[] = [];
  #arrived = Promise.withResolvers<void>();

  constructor(shell: Shell) {
    this.#shell = shell;
  }

  /** Resolves when a signal comes that has a trap; what waits may be interrupted by it. */
  get arrived(): Promise<void> {
    return this.#arrived.promise;
  }

  /** `action` undefined: what the signal did before; empty: nothing. */
  set(signal: number, action: string | undefined): void {
    const { state, context } = this.#shell;
    if (action === undefined) state.traps.delete(signal);
    else state.traps.set(signal, action);
    if (signal === EXIT || signal === SIGNALS.KILL || signal === SIGNALS.STOP) return;
    if (action === undefined) context.handle(signal, "default");
    else if (action === "") context.handle(signal, "ignore");
    else context.handle(signal, () => this.#arrive(signal));
  }

  #arrive(signal: number): void {
    this.#pending.push(signal);
    const { resolve } = this.#arrived;
    this.#arrived = Promise.withResolvers<void>();
    resolve();
  }

  /** Those that wait, in the order in which their signals came. */
  async run(): Promise<void> {
    const { state } = this.#shell;
    for (let signal = this.#pending.shift(); signal; signal = this.#pending.shift()) {
      const { status } = state;
      await this.#shell.runSource(state.traps.get(signal) ?? "");
      state.status = status;
    }
  }

  async onExit(): Promise<void> {
    const { state } = this.#shell;
    const action = state.traps.get(EXIT);
    state.traps.delete(EXIT);
    if (!action) return;
    const { status } = state;
    try {
      await this.#shell.runSource(action);
      state.status = status;
    } catch (error) {
      if (!(error instanceof Jump)) throw error;
      state.status = error.kind === "exit" ? error.value : status;
    }
  }
}

/** By name with or without SIG, or by number; EXIT is 0. */
export function trapNumber(name: string): number | undefined {
  return name === "EXIT" || name === "0" ? EXIT : signalNumber(name);
}

export const trapName = (number: number): string =>
  number === EXIT ? "EXIT" : (signalName(number) ?? String(number));
