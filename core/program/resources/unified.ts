// Files of a v2 node that somebody names himself, after all others.
// Source: opencontainers/runtime-spec, config-linux.md, "Unified".

import type { SpecResources } from "../../oci/runtime-spec.ts";
import type { CgroupWrite, ControllerWrites } from "./write.ts";

const v2 = ({ unified = {} }: SpecResources): CgroupWrite[] =>
  Object.entries(unified).map(([file, data]) => ({
    controller: file.slice(0, file.indexOf(".")),
    file,
    data,
    why: "as its configuration says",
  }));

export const unified: ControllerWrites = { v1: () => [], v2 };
