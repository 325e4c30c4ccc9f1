// A command of the OCI runtime: what main.ts parses its words with, and what it does.

import type { OciRuntime } from "@nacre/engine/oci/oci-runtime.ts";
import type { OptionTable, Values } from "../options.ts";
import type { OciHost } from "./host.ts";

export interface OciContext {
  readonly host: OciHost;
  readonly runtime: OciRuntime;
  /** Directory of all containers' state. */
  readonly root: string;
}

export interface OciCommand<O extends OptionTable = OptionTable> {
  /** Operands as the help shows them. */
  readonly usage: string;
  readonly summary: string;
  readonly options: O;
  readonly operands: { readonly least: number; readonly most: number };
  /** Options may follow operands. */
  readonly interspersed: boolean;
  /** The exit code where it fails. */
  readonly failure: number;
  run(context: OciContext, values: Values<O>, operands: readonly string[]): Promise<number>;
}

type Given<O extends OptionTable> = Pick<OciCommand<O>, "usage" | "summary" | "options" | "run"> &
  Partial<OciCommand<O>>;

/** A command about one container, unless it says otherwise. */
export function ociCommand<O extends OptionTable>(given: Given<O>): OciCommand {
  return {
    ...{ operands: { least: 1, most: 1 }, interspersed: true, failure: 1 },
    ...given,
  } as unknown as OciCommand;
}
