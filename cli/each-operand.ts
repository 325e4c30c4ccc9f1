import { describeFailure } from "./failure.ts";
import type { Host } from "./host.ts";

/**
 * Does the same to each operand, as docker does: one that fails is told and does not keep the
 * others from their turn.
 * @returns 1 if any failed
 */
export async function forEachOperand(
  operands: readonly string[],
  host: Host,
  debug: boolean,
  act: (operand: string) => Promise<void>,
): Promise<number> {
  let code = 0;
  for (const operand of operands) {
    try {
      await act(operand);
    } catch (error) {
      host.printError(describeFailure(error, debug));
      code = 1;
    }
  }
  return code;
}
