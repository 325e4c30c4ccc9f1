// Attaching to containers that run in the background.

import { NacreError } from "@nacre/core/error.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { Attachment } from "../engine.ts";
import type { StatePaths } from "../images/paths.ts";
import { mustAllow } from "./state.ts";

export async function attachTo(
  record: ContainerRecord,
  kernel: Kernel,
  paths: StatePaths,
): Promise<Attachment> {
  mustAllow("attach", record);
  if (!record.request.detached) {
    throw new NacreError("conflict", `container ${record.name} runs in somebody's foreground`, {
      advice: "Only one that runs in the background can be attached to: nacre run -d, nacre start.",
    });
  }
  try {
    return { ...(await kernel.attach(paths.container(record.id).attach)), container: record };
  } catch (error) {
    if (!(error instanceof NacreError && error.kind === "not-found")) throw error;
    throw new NacreError(
      "conflict",
      `cannot attach to container ${record.name}: it has just ended`,
    );
  }
}
