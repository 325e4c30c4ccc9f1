// Graphviz's language as far as our graphs use it, read strictly: what this refuses, `dot` might too.
// Source: graphviz.org/doc/info/lang.html.

interface Graph {
  /** Label by name. */
  readonly nodes: ReadonlyMap<string, string>;
  readonly edges: readonly (readonly [string, string])[];
}

const TOKEN = /\s*(?:"((?:[^"\\\n]|\\[\\"])*)"|([A-Za-z_]\w*|-?\d+(?:\.\d+)?)|(--|[{}[\];=,]))/y;

interface Token {
  readonly word?: string;
  readonly mark?: string;
}

function tokens(text: string): Token[] {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let at = 0; text.slice(at).trim() !== ""; at = TOKEN.lastIndex) {
    const match = TOKEN.exec(text);
    if (!match) throw new SyntaxError(`not Graphviz's language: ${text.slice(at, at + 40)}`);
    const [, quoted, plain, mark] = match;
    const word = quoted?.replace(/\\([\\"])/g, "$1") ?? plain;
    found.push(mark === undefined ? { word: word as string } : { mark });
  }
  return found;
}

/** Nodes and edges of an undirected graph. @throws SyntaxError */
export function parseDot(text: string): Graph {
  const left = tokens(text);
  const nodes = new Map<string, string>();
  const edges: [string, string][] = [];
  const word = (): string => {
    const next = left.shift()?.word;
    if (next === undefined) throw new SyntaxError("a name is missing");
    return next;
  };
  const mark = (wanted: string): void => {
    const next = left.shift()?.mark;
    if (next !== wanted) throw new SyntaxError(`${wanted} is missing, there is ${next}`);
  };
  const attributes = (): Map<string, string> => {
    const found = new Map<string, string>();
    while (left[0]?.mark === "[" || left[0]?.mark === ",") {
      left.shift();
      const name = word();
      mark("=");
      found.set(name, word());
    }
    mark("]");
    return found;
  };
  const statements = (): void => {
    mark("{");
    while (left[0]?.mark !== "}") {
      const name = word();
      const next = left[0]?.mark;
      if (name === "subgraph") {
        word();
        statements();
        continue;
      }
      if (next === "=") {
        left.shift();
        word();
      } else if (next === "--") {
        left.shift();
        edges.push([name, word()]);
      } else {
        const label = attributes().get("label");
        if (name !== "node") nodes.set(name, label ?? name);
      }
      mark(";");
    }
    mark("}");
  };
  if (word() !== "graph") throw new SyntaxError("it is no graph");
  word();
  statements();
  if (left.length > 0) throw new SyntaxError("something stands behind the graph");
  return { nodes, edges };
}
