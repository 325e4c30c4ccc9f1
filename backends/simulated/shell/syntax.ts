// The shell's grammar is just-bash's: it parses to a tree whose types are named here. What the
// tree means is carried out in this directory, by processes of the simulated kernel.

import type { CommandNode, ScriptNode, StatementNode, WordNode } from "just-bash";
import { ShellError } from "./state.ts";

export type { CommandNode, ScriptNode, StatementNode, WordNode };

type OfType<Node, Type> = Extract<Node, { readonly type: Type }>;

export type Simple = OfType<CommandNode, "SimpleCommand">;
export type Compound = Exclude<CommandNode, { readonly type: "SimpleCommand" | "FunctionDef" }>;
export type FunctionDefinition = OfType<CommandNode, "FunctionDef">;
export type Pipeline = StatementNode["pipelines"][number];
export type Redirection = Simple["redirections"][number];
export type HereDocument = OfType<Redirection["target"], "HereDoc">;
export type Assignment = Simple["assignments"][number];
export type WordPart = WordNode["parts"][number];
export type Parameter = OfType<WordPart, "ParameterExpansion">;
export type ParameterOperation = NonNullable<Parameter["operation"]>;
export type Arithmetic = OfType<WordPart, "ArithmeticExpansion">["expression"];
export type ArithmeticNode = Arithmetic["expression"];
export type Condition = OfType<Compound, "ConditionalCommand">["expression"];

export class SyntaxFault extends ShellError {
  /** Whether more of the script could mend it: an interactive shell reads another line. */
  readonly unfinished: boolean;

  constructor(message: string) {
    super(message.replace(/^Parse error at (\d+):\d+: /, "line $1: "), 2);
    this.unfinished =
      /unexpected (EOF|end)|near unexpected token `(fi|done|esac|\}|\)|then|do)'/.test(message);
  }
}

export type Parse = (source: string) => ScriptNode;

let parser: Promise<Parse> | undefined;

/** Loaded with the first shell that runs: it is more than a megabyte. */
export function loadParser(): Promise<Parse> {
  parser ??= import("just-bash/browser").then(({ Bash }) => {
    const bash = new Bash({ defenseInDepth: false });
    let tree: ScriptNode | undefined;
    bash.registerTransformPlugin({
      name: "tree",
      transform({ ast }) {
        tree = ast;
        return { ast };
      },
    });
    return (source) => {
      try {
        bash.transform(source);
      } catch (error) {
        throw new SyntaxFault(error instanceof Error ? error.message : String(error));
      }
      return tree as ScriptNode;
    };
  });
  return parser;
}
