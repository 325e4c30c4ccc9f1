import { token } from "./token.ts";

/** Unpredictable bytes on a host, a seeded sequence in simulation: container IDs and names. */
export interface Random {
  bytes(count: number): Uint8Array;
}

export const Random = token<Random>("Random");
