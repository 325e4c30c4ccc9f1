// The image that goes with its container (podman's --rmi).

import { NacreError } from "@nacre/core/error.ts";
import type { EngineEvent } from "../engine.ts";
import type { ImageService } from "../images/images.ts";

/** The container is gone by then: why its image stays is told, and nothing fails. */
export async function removeUnlessNeeded(
  images: Pick<ImageService, "remove">,
  reference: string,
  tell: (notice: EngineEvent) => void,
): Promise<void> {
  try {
    await images.remove(reference);
  } catch (error) {
    if (!(error instanceof NacreError)) throw error;
    if (error.kind !== "not-found") tell({ type: "notice", message: error.message });
  }
}
