// Archives of containers. Few commands make any: what these need is loaded when it is called for.

import type { Files } from "@nacre/core/ports/files.ts";
import type { Archives } from "../archive-interface.ts";
import type { ContainerStorage } from "../containers/storage.ts";
import type { Containers } from "../engine.ts";
import type { ImageService } from "../images/images.ts";
import type { StatePaths } from "../images/paths.ts";

export function archivesView(
  files: Files,
  images: ImageService,
  containers: Containers,
  storage: ContainerStorage,
  paths: StatePaths,
): Archives {
  const service = async () => {
    const { ArchiveService } = await import("./archives.ts");
    return new ArchiveService(files, images, containers, storage, paths);
  };
  return {
    changes: async (container) => (await service()).changes(container),
    async *export(container) {
      yield* (await service()).export(container);
    },
  };
}
