// The shape of a known escape: what a container, an image or a name tries, what holds it, and what
// is taken away to see that it is that which holds.

import type { Operation } from "@nacre/core/program/operation.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import type { BindRequest } from "@nacre/core/program/request.ts";
import type { World } from "./world.ts";

/** Another program or another nacre-init: as they would be without the protection. */
export interface Removal {
  readonly program?: (program: KernelProgram, world: World) => KernelProgram;
  /** In a source of nacre-init, text in place of other text that must be there. */
  readonly source?: readonly (readonly [file: string, from: string, to: string])[];
  /** On the machine, before the attempt. */
  readonly machine?: (world: World) => void;
}

export interface Escape {
  /** Numbers of what had this shape; empty for one without. */
  readonly ids: readonly string[];
  readonly shape: string;
  readonly protection: string;
  /** Whether it worked. */
  readonly attempt: (world: World) => Promise<boolean>;
  readonly without: Removal;
}

type Process = NonNullable<KernelProgram["process"]>;

/** A program whose process is another. */
export const changed =
  (change: (process: Process, world: World) => Partial<Process>) =>
  (program: KernelProgram, world: World): KernelProgram =>
    program.process
      ? { ...program, process: { ...program.process, ...change(program.process, world) } }
      : program;

/** Without some operations of the child. */
export const without = (is: (operation: Operation) => boolean): Removal => ({
  program: changed(({ child }) => ({ child: child.filter((operation) => !is(operation)) })),
});

/** With other operations of the child in the place of some. */
export const replaced = (by: (operation: Operation, world: World) => Operation): Removal => ({
  program: changed(({ child }, world) => ({ child: child.map((o) => by(o, world)) })),
});

export const bindOf = (source: string, target: string): BindRequest => ({
  ...({ type: "bind", source, target } as const),
  ...({ readOnly: false, recursive: true, propagation: "private" } as const),
});

const IN_ROOT = "k_openat2(root, path, O_PATH | flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);";

/** Names that have this text in them are resolved as if there were no root to stay in. */
export const followed = (name: string): Removal => ({
  source: [
    [
      "root.c",
      IN_ROOT,
      `k_openat2(root, strstr(path, "${name}") ? path + strspn(path, "/") : path, O_PATH | flags,
                   strstr(path, "${name}") ? 0 : RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);`,
    ],
  ],
});
