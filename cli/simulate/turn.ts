/** Calls back when all promises that are ready have run, in Node as in browsers. */
export const nextTurn: (act: () => void) => void =
  typeof setImmediate === "function" ? (act) => void setImmediate(act) : turnByMessage();

/** A browser's timers wait for milliseconds, its messages do not. */
function turnByMessage(): (act: () => void) => void {
  const { port1, port2 } = new MessageChannel();
  const waiting: (() => void)[] = [];
  port1.addEventListener("message", () => waiting.shift()?.());
  port1.start();
  return (act) => {
    waiting.push(act);
    port2.postMessage(undefined);
  };
}
