// Files of containers for the engine. Few commands copy any: what that needs is loaded when it is
// called for.

import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { ContainersOptions } from "../containers/containers.ts";
import type { ContainerLooks } from "../containers/looks.ts";
import type { Planner } from "../containers/planner.ts";
import type { ContainerStorage } from "../containers/storage.ts";
import type { StatePaths } from "../images/paths.ts";
import type { ContainerFilesPorts } from "./container-files.ts";
import type { CopyClaims } from "./copy-claims.ts";

export interface OpenerParts {
  readonly claims: CopyClaims;
  readonly looks: Pick<ContainerLooks, "get" | "imageOf">;
  readonly planner: Planner;
  readonly storage: ContainerStorage;
  readonly paths: StatePaths;
  readonly sweep: () => Promise<void>;
}

/** What copies needs of the engine; the rest is loaded with the first one. */
export function filesOpener(
  ports: ContainerFilesPorts,
  { claims, looks, planner, storage, paths, sweep }: OpenerParts,
): Pick<ContainersOptions, "files"> {
  const view = async (record: ContainerRecord) => {
    const image = looks.imageOf(record);
    await planner.prepare(record, image);
    return planner.viewProgram(record, image);
  };
  return {
    async files(id) {
      planner.mustBeAble();
      const { openFiles } = await import("./open.ts");
      return openFiles(id, ports, {
        ...{ find: (id) => looks.get(id), claims, storage, paths, view, sweep },
        user: (record) => planner.namedUser(record, looks.imageOf(record)),
      });
    },
  };
}
