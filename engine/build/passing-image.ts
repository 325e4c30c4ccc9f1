import type { ImageService } from "../images/images.ts";
import type { ImageMaker, NewImage } from "../roots/new-image.ts";

/** Makes an image that is wanted for a while only. `discard` takes it away, unless it was here before. */
export async function passingImage(
  images: Pick<ImageService, "list" | "remove">,
  maker: ImageMaker,
  image: NewImage,
) {
  const before = new Set(images.list().map((one) => one.image.id));
  const { id, manifestDigest } = await maker.make(image);
  const discard = async () => void (before.has(id) || (await images.remove(id)));
  return { id, manifestDigest, discard };
}
