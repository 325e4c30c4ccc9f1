// A view on the terminal's other screen, until a key ends it. It is loaded for that alone.

import { PassThrough } from "node:stream";
import type { ExploredImage } from "@nacre/engine/engine.ts";
import escapes from "ansi-escapes";
import { ExploreView } from "./explore-view.ts";
import type { Host } from "./host.ts";

/** A key as Node's readline tells it. */
interface Keypress {
  readonly name?: string;
  readonly ctrl?: boolean;
  readonly shift?: boolean;
  readonly sequence?: string;
}

/**
 * Takes the whole terminal, and gives it back as it was, whatever ends it. Resolves when whoever
 * looks has quit.
 */
export async function explore(host: Host, image: ExploredImage): Promise<void> {
  const view = new ExploreView(image);
  const paint = (): void => {
    const { rows, columns } = host.terminalSize() ?? { rows: 24, columns: 80 };
    const lines = view.lines(rows, columns).map((line) => `${line}${escapes.eraseEndLine}`);
    host.print(`${escapes.cursorTo(0, 0)}${lines.join("\r\n")}${escapes.eraseDown}`);
  };
  host.print(`${escapes.enterAlternativeScreen}${escapes.cursorHide}`);
  const release = host.onSignals(["SIGWINCH"], paint);
  try {
    paint();
    const ended = Promise.withResolvers<void>();
    const keys = await keysOf((key) => {
      if (view.key(key)) paint();
      else ended.resolve();
    });
    const stop = host.onInput(true, async (bytes) => {
      keys.write(bytes);
    });
    await ended.promise;
    stop();
    keys.end();
  } finally {
    release();
    host.print(`${escapes.cursorShow}${escapes.exitAlternativeScreen}`);
  }
}

/** Takes what a terminal sends, and tells keys by their names, whatever sequences it has for them. */
async function keysOf(take: (key: string) => void): Promise<PassThrough> {
  const { emitKeypressEvents } = await import("node:readline");
  const input = new PassThrough();
  emitKeypressEvents(input);
  input.on("keypress", (text: string | undefined, { name, ctrl, shift, sequence }: Keypress) => {
    const named = name ?? text ?? sequence ?? "";
    take(`${ctrl ? "ctrl+" : ""}${shift && named === "tab" ? "shift+" : ""}${named}`);
  });
  return input;
}
