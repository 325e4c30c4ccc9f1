// SIGHUP of a caller that has it ignored, as nohup(1) does. Node forgets that as it starts.

/** nacre-start's word for it (backends/linux/launcher/start.c). */
const NOHUP = "NACRE_NOHUP";
/** Known to all bundles of the process. */
const IGNORED = Symbol.for("nacre.nohup");

/** To be called once, before anything else listens. */
export function ignoreHangup(): void {
  if (process.env[NOHUP] === undefined) return;
  delete process.env[NOHUP]; // it is no business of what we start
  process.on("SIGHUP", () => {});
  Object.defineProperty(process, IGNORED, { value: true });
}

export const isHangupIgnored = (): boolean => IGNORED in process;
