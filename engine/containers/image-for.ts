import { NacreError, whenFound } from "@nacre/core/error.ts";
import type { ContainerRequest } from "@nacre/core/program/request.ts";
import type { ImageRecord } from "@nacre/core/state/records.ts";
import type { ImageService } from "../images/images.ts";
import { HOST_IMAGE } from "./host-image.ts";
import type { Planner } from "./planner.ts";

/** A request's image, pulled where the request says so; undefined for the machine's own root, and other directories of it. */
export async function imageFor(
  images: ImageService,
  planner: Planner,
  request: ContainerRequest,
): Promise<ImageRecord | undefined> {
  if (request.image === HOST_IMAGE || request.rootDirectory) return undefined;
  const platform = planner.platformFor(request);
  const pull = { ...(platform !== undefined && { platform }) };
  const fetched = async (): Promise<ImageRecord> => {
    const { image } = await images.pull(request.image, pull);
    // A registry may have nothing but an image for another one.
    return request.platform === undefined
      ? image
      : images.found(request.image, request.platform).image;
  };
  if (request.pull === "always") return fetched();
  try {
    const { image } = images.found(request.image, request.platform);
    if (platform === undefined) images.noticeForeign(image);
    return image;
  } catch (error) {
    const absent = error instanceof NacreError && error.kind === "not-found";
    const made = absent ? await madeFor(images, request) : undefined;
    if (made) return made;
    if (!absent || request.pull === "never" || isId(images, request.image)) throw error;
    return fetched();
  }
}

/** Of an index that is here with all of the platform that is asked for, as others push them to us. */
async function madeFor(
  images: ImageService,
  { image, platform }: ContainerRequest,
): Promise<ImageRecord | undefined> {
  if (platform === undefined) return undefined;
  return whenFound(async () => {
    const { tag } = images.found(image);
    const index = tag && (await images.storedIndex(tag));
    if (index) await images.made(index, platform);
    return index && images.found(image, platform).image;
  });
}

/** An image that is here by no name of a registry: there is none of another platform to fetch. */
function isId(images: ImageService, text: string): boolean {
  try {
    const { tag, among } = images.found(text);
    return tag === undefined && among === undefined;
  } catch {
    return false;
  }
}
