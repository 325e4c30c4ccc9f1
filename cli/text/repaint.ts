// Lines at a terminal that are painted over themselves. Not a library:
// docs/decisions/0012-progress-bars.md.

/** To the upper left, and nothing below. */
export const HOME_AND_CLEAR = "\u001b[H\u001b[J";

const REPAINT_MS = 80;

export class Repaint {
  readonly #write: (text: string) => void;
  #lines = 0;
  #paintedMs = 0;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** Whether the picture is old enough to be painted again, or has to be; it is taken for painted then. */
  isDue(nowMs: number, atOnce: boolean): boolean {
    if (!atOnce && nowMs - this.#paintedMs < REPAINT_MS) return false;
    this.#paintedMs = nowMs;
    return true;
  }

  /** Over the lines before; afterwards the cursor stands below them. */
  paint(lines: readonly string[]): void {
    const up = this.#lines > 0 ? `\u001b[${this.#lines}A` : "";
    const erased = lines.map((line) => `\r\u001b[2K${line}\n`).join("");
    // What is left of a longer picture is erased below.
    this.#write(`${up}${erased}\u001b[J`);
    this.#lines = lines.length;
  }
}
