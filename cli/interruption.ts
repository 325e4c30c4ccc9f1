import type { Host } from "./host.ts";

/**
 * Runs what waits for something (a followed log, events, a pull) so that the first SIGINT or
 * SIGTERM ends it in order.
 * @returns what `work` returns, or 128 + the signal
 */
export async function interruptible(
  host: Host,
  work: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const controller = new AbortController();
  let received = 0;
  const release = host.onSignals(["SIGINT", "SIGTERM", "SIGHUP"], (number) => {
    received ||= number;
    controller.abort();
  });
  try {
    const code = await work(controller.signal);
    return received === 0 ? code : 128 + received;
  } catch (error) {
    if (received === 0) throw error;
    return 128 + received;
  } finally {
    release();
  }
}
