import { NacreError } from "@nacre/core/error.ts";

/** Knows which one, so that nobody reads it out of the message. */
class NoSuchContainer extends NacreError {
  readonly container: string;

  constructor(container: string) {
    super("not-found", `no such container: ${container}`, { advice: "nacre ps -a lists them." });
    this.container = container;
  }
}

/** Of a container that nobody knows, or that somebody has removed since it was found. */
export const noSuchContainer = (container: string): NacreError => new NoSuchContainer(container);

/** The same of one that was found by its ID. */
export const goneContainer = (id: string): NacreError => noSuchContainer(id.slice(0, 12));

/**
 * Does something to a container that was found. If somebody removes it meanwhile, the error names
 * it as the caller did, not by the ID that it was found to have.
 */
export async function asAsked<T>(container: string, id: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const gone = error instanceof NoSuchContainer && id.startsWith(error.container);
    throw gone ? noSuchContainer(container) : error;
  }
}
