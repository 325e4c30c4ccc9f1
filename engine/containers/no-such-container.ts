import { NacreError } from "@nacre/core/error.ts";

/** Of a container that nobody knows, or that somebody has removed since it was found. */
export function noSuchContainer(container: string): NacreError {
  return new NacreError("not-found", `no such container: ${container}`, {
    advice: "nacre ps -a lists them.",
  });
}

/**
 * Does something to a container that was found. If somebody removes it meanwhile, the error names
 * it as the caller did, not by the ID that it was found to have.
 */
export async function asAsked<T>(container: string, id: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!isGone(error, id)) throw error;
    throw noSuchContainer(container);
  }
}

function isGone(error: unknown, id: string): boolean {
  if (!(error instanceof NacreError)) return false;
  const said = [id, id.slice(0, 12)].map((name) => noSuchContainer(name).message);
  return error.kind === "not-found" && said.includes(error.message);
}
