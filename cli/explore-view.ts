// The layers of an image as a person looks through them: what is chosen, what is open, and how that
// looks. Names of keys in, lines out; it knows no terminal.

import type { ExploredImage, LayerChange } from "@nacre/engine/engine.ts";
import cliTruncate from "cli-truncate";
import { neutralise } from "./text/escape.ts";
import { humanSize } from "./text/size.ts";

/** Something in the tree of one layer, or of all up to it. */
interface Node {
  readonly name: string;
  readonly path: string;
  readonly children: Map<string, Node>;
  change?: LayerChange;
  layer: number;
}

interface Shown {
  readonly node: Node;
  readonly depth: number;
}

const MARKS = { added: "+", changed: "~", deleted: "-" } as const;
const COLOURS = { added: "32", changed: "33", deleted: "31" } as const;
const MOST_LAYERS = 8;
const ENDS = ["q", "escape", "ctrl+c", "ctrl+d"];
/** How far keys move the cursor. */
const STEPS: Readonly<Record<string, number>> = {
  ...{ up: -1, k: -1, down: 1, j: 1, pageup: -10, pagedown: 10, space: 10 },
  ...{ home: Number.NEGATIVE_INFINITY, end: Number.MAX_SAFE_INTEGER },
};

export class ExploreView {
  readonly #image: ExploredImage;
  #layer: number;
  #all = false;
  #cursor = 0;
  #top = 0;
  readonly #closed = new Set<string>();
  #root: Node;

  constructor(image: ExploredImage) {
    this.#image = image;
    this.#layer = image.layers.length;
    this.#root = this.#tree();
  }

  /** Takes a key by its name; false where it ends the view. */
  key(name: string): boolean {
    if (ENDS.includes(name)) return false;
    const at = this.#shown()[this.#cursor]?.node;
    const step = STEPS[name];
    if (step !== undefined) this.#cursor += step;
    else if (["tab", "]", "n"].includes(name)) this.#choose(this.#layer + 1);
    else if (["shift+tab", "[", "p"].includes(name)) this.#choose(this.#layer - 1);
    else if (name === "a") this.#toggleAll();
    else if (at && ["left", "h"].includes(name)) this.#closed.add(at.path);
    else if (at && ["right", "l"].includes(name)) this.#closed.delete(at.path);
    else if (at && ["return", "enter"].includes(name)) this.#toggle(at.path);
    this.#cursor = Math.max(0, Math.min(this.#cursor, this.#shown().length - 1));
    return true;
  }

  /** The whole picture, in so many rows and columns. */
  lines(rows: number, columns: number): string[] {
    const layers = this.#layerLines(columns);
    const room = Math.max(rows - layers.length - 3, 1);
    if (this.#cursor < this.#top) this.#top = this.#cursor;
    if (this.#cursor >= this.#top + room) this.#top = this.#cursor - room + 1;
    const shown = this.#shown().slice(this.#top, this.#top + room);
    const tree = shown.map((one, at) => this.#treeLine(one, at + this.#top, columns));
    const what = this.#all ? `all layers up to ${this.#layer}` : `layer ${this.#layer}`;
    const wasted = `${humanSize(this.#image.wastedBytes, 3)} hidden in all`;
    const help = "↑↓ move · ←→ fold · tab layer · a all · q quit";
    return [
      ...layers,
      dim(fitted(`── ${what} · ${wasted}`, columns)),
      ...tree,
      dim(fitted(help, columns)),
    ];
  }

  #choose(layer: number): void {
    this.#layer = Math.max(1, Math.min(layer, this.#image.layers.length));
    this.#cursor = 0;
    this.#root = this.#tree();
  }

  #toggleAll(): void {
    this.#all = !this.#all;
    this.#choose(this.#layer);
  }

  #toggle(path: string): void {
    if (!this.#closed.delete(path)) this.#closed.add(path);
  }

  #tree(): Node {
    const root: Node = { name: "", path: "", children: new Map(), layer: 0 };
    const layers = this.#image.layers.slice(this.#all ? 0 : this.#layer - 1, this.#layer);
    for (const { number, changes } of layers) {
      for (const change of changes) {
        let node = root;
        for (const name of change.path.split("/").slice(1)) {
          const path = `${node.path}/${name}`;
          const next: Node = node.children.get(name) ?? {
            ...{ name, path, children: new Map(), layer: number },
          };
          node.children.set(name, next);
          node = next;
        }
        node.change = change;
        node.layer = number;
      }
    }
    return root;
  }

  #shown(): Shown[] {
    const shown: Shown[] = [];
    const visit = (node: Node, depth: number): void => {
      const names = [...node.children.keys()].sort();
      for (const name of names) {
        const child = node.children.get(name) as Node;
        shown.push({ node: child, depth });
        if (!this.#closed.has(child.path)) visit(child, depth + 1);
      }
    };
    visit(this.#root, 0);
    return shown;
  }

  #layerLines(columns: number): string[] {
    const { layers } = this.#image;
    const first = Math.max(0, Math.min(this.#layer - MOST_LAYERS, layers.length - MOST_LAYERS));
    return layers.slice(first, first + MOST_LAYERS).map((layer) => {
      const chosen = layer.number === this.#layer;
      const hidden = layer.hiddenBytes ?? 0;
      const sizes = `${humanSize(layer.tarBytes, 3)}${hidden > 0 ? `, ${humanSize(hidden, 3)} hidden` : ""}`;
      const step = neutralise(layer.createdBy.replaceAll(/\s+/g, " "));
      const text = `${String(layer.number).padStart(3)}  ${sizes.padEnd(24)} ${step}`;
      return chosen ? inverse(fitted(text, columns)) : fitted(text, columns);
    });
  }

  #treeLine({ node, depth }: Shown, at: number, columns: number): string {
    const { change } = node;
    const mark = change ? MARKS[change.what] : " ";
    const folded = node.children.size > 0 ? (this.#closed.has(node.path) ? "▸ " : "▾ ") : "  ";
    const size = change && change.sizeBytes > 0 ? humanSize(change.sizeBytes, 3) : "";
    const hidden = change?.hiddenBy === undefined ? "" : ` (hidden by layer ${change.hiddenBy})`;
    const layer = this.#all ? `${String(node.layer).padStart(3)} ` : "";
    const name = `${"  ".repeat(depth)}${folded}${neutralise(node.name)}${hidden}`;
    const text = fitted(`${layer}${mark} ${size.padStart(8)} ${name}`, columns);
    if (at === this.#cursor) return inverse(text);
    return change ? `\u001b[${COLOURS[change.what]}m${text}\u001b[0m` : text;
  }
}

/** In so many columns of a terminal: names may have characters that take two, or none. */
const fitted = (text: string, columns: number): string => cliTruncate(text, columns);
const inverse = (text: string): string => `\u001b[7m${text}\u001b[0m`;
const dim = (text: string): string => `\u001b[2m${text}\u001b[0m`;
