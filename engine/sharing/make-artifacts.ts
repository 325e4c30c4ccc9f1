import type { ImageService } from "../images/images.ts";
import type { EngineOptions } from "../options.ts";
import { ArtifactService } from "./artifacts.ts";
import { ManifestKeeper } from "./manifest-keeper.ts";
import { StoredBlobs } from "./stored-blobs.ts";
import type { SharingParts, SharingPorts } from "./view.ts";

export function makeArtifacts(
  images: ImageService,
  { files, content, state, codec, clock }: SharingPorts,
  { registry }: SharingParts,
  { core, bootId }: Pick<EngineOptions, "core" | "bootId">,
): ArtifactService {
  const keeper = new ManifestKeeper(core, content, state, codec, () => clock.nowMs(), bootId);
  const blobs = new StoredBlobs(files, content, codec);
  return new ArtifactService(core, content, state, clock, registry, images, keeper, blobs);
}
