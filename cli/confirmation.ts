import type { Host } from "./host.ts";

/** Whether the person at the terminal wants what cannot be undone. */
export function confirmed(host: Host, warning: string): boolean {
  host.print(`WARNING! ${warning}\nAre you sure you want to continue? [y/N] `);
  const answer = host.readLine().trim().toLowerCase();
  return answer === "y" || answer === "yes";
}
