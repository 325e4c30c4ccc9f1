// Archives on their way out: to a file that gets its name when it is whole, or to standard output.

import { NacreError } from "@nacre/core/error.ts";
import type { Host } from "./host.ts";

/** NacreError `invalid` where an archive would go to a terminal. */
export function refuseTerminal(host: Host, output: string | undefined): void {
  if (output !== undefined || !host.isTerminal(1)) return;
  throw new NacreError("invalid", "a tar is not written to a terminal", {
    advice: "Use -o FILE, or redirect standard output.",
  });
}

/**
 * Where the source fails or `signal` aborts there is no file, and one that was there stays as it
 * was; what went to standard output is gone.
 */
export async function writeArchive(
  host: Host,
  output: string | undefined,
  archive: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const file = output === undefined ? undefined : await host.outputFile(output);
  try {
    for await (const chunk of archive) {
      if (signal.aborted) break;
      if (file) file.write(chunk);
      else host.printBytes(chunk);
    }
  } catch (error) {
    file?.discard();
    throw error;
  }
  if (signal.aborted) file?.discard();
  else file?.commit();
}
