// Attaching to containers that run.

import { NacreError } from "@nacre/core/error.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import { NO_LOG } from "@nacre/core/program/log-options.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { Attachment } from "../engine.ts";
import type { StatePaths } from "../images/paths.ts";
import { mustAllow } from "./state.ts";

/**
 * @throws NacreError `conflict` where it does not run, has just ended, or has output that is nobody
 * else's
 */
export async function attachTo(
  record: ContainerRecord,
  kernel: Kernel,
  paths: StatePaths,
): Promise<Attachment> {
  mustAllow("attach", record);
  const { detached, terminal, autoRemove, logDriver } = record.request;
  if (!detached && !terminal && (autoRemove || logDriver === NO_LOG)) {
    const message = `the output of container ${record.name} goes straight to who started it`;
    throw new NacreError("conflict", message, {
      advice:
        "Without -d or -t nobody else can have the output of one that is removed at its end, or keeps no log.",
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
