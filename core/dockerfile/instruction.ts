// What a Dockerfile says, as data. Variables are not expanded yet: their values are known when a
// stage is built.

import type { ImageHealthcheck } from "../oci/image.ts";
import type { Place } from "./fault.ts";
import type { Directives, Heredoc } from "./lines.ts";

export interface Pair {
  readonly name: string;
  readonly value: string;
  /** In the older form, `ENV NAME the rest`. */
  readonly spaced: boolean;
}

/** A command as a list of words, or a line for a shell. */
export interface CommandForm {
  readonly words: readonly string[];
  readonly shell: boolean;
}

/** What COPY and ADD have in common. */
export interface CopyForm {
  readonly sources: readonly string[];
  readonly target: string;
  /** Sources that stand in the Dockerfile. */
  readonly heredocs: readonly Heredoc[];
  readonly chown?: string;
  readonly chmod?: string;
  readonly link: boolean;
  readonly parents: boolean;
  readonly exclude: readonly string[];
}

export type Action =
  | {
      readonly kind: "RUN";
      readonly command: CommandForm;
      readonly heredocs: readonly Heredoc[];
      readonly mounts: readonly string[];
      readonly network?: string;
      /** It has every capability and device, if whoever builds allows it. */
      readonly insecure: boolean;
    }
  | ({ readonly kind: "COPY"; readonly from?: string } & CopyForm)
  | ({
      readonly kind: "ADD";
      readonly checksum?: string;
      readonly keepGitDir: boolean;
      readonly unpack?: boolean;
    } & CopyForm)
  | {
      readonly kind: "ARG";
      readonly variables: readonly { readonly name: string; readonly value?: string }[];
    }
  | { readonly kind: "ENV"; readonly variables: readonly Pair[] }
  | { readonly kind: "LABEL"; readonly labels: readonly Pair[] }
  | { readonly kind: "CMD" | "ENTRYPOINT"; readonly command: CommandForm }
  | { readonly kind: "HEALTHCHECK"; readonly check: ImageHealthcheck }
  | { readonly kind: "EXPOSE"; readonly ports: readonly string[] }
  | { readonly kind: "VOLUME"; readonly paths: readonly string[] }
  | { readonly kind: "WORKDIR"; readonly path: string }
  | { readonly kind: "USER"; readonly user: string }
  | { readonly kind: "STOPSIGNAL"; readonly signal: string }
  | { readonly kind: "SHELL"; readonly words: readonly string[] }
  | { readonly kind: "ONBUILD"; readonly trigger: string; readonly action: Action }
  | { readonly kind: "MAINTAINER"; readonly name: string };

export type ActionOf<K extends Action["kind"]> = Extract<Action, { readonly kind: K }>;

export interface Instruction {
  readonly action: Action;
  /** The logical line, without what of it are here-documents. */
  readonly text: string;
  readonly place: Place;
  readonly lastLine: number;
}

export interface Stage {
  /** `FROM base`, with its variables. */
  readonly base: string;
  readonly platform?: string;
  /** In lower case; absent without AS. */
  readonly name?: string;
  readonly place: Place;
  readonly text: string;
  readonly instructions: readonly Instruction[];
}

export interface Dockerfile {
  readonly directives: Directives;
  /** ARGs that stand before the first FROM. */
  readonly args: readonly ActionOf<"ARG">[];
  readonly stages: readonly Stage[];
  readonly warnings: readonly { readonly line: number; readonly message: string }[];
}
