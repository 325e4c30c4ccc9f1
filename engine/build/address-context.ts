// Contexts that an HTTP server has: a tar, compressed or not, or a Dockerfile alone.

import { NacreError } from "@nacre/core/error.ts";
import { remoteBytes } from "../roots/remote-bytes.ts";
import type { BuildServices } from "./build-services.ts";
import type { SourceTree } from "./source-tree.ts";
import { beginsLikeTar } from "./tar-like.ts";

const TEXT_LIMIT_BYTES = 4 << 20;

/** `dockerfile`: what a Dockerfile alone is called. NacreError `invalid`, `unreachable`. */
export async function addressContext(
  { fetch, contexts }: Pick<BuildServices, "fetch" | "contexts">,
  address: string,
  dockerfile = "Dockerfile",
): Promise<SourceTree> {
  const { isTar, whole } = await beginsLikeTar(remoteBytes(fetch, new URL(address)));
  if (isTar) return contexts.archive(address, whole);
  const decoder = new TextDecoder();
  let text = "";
  for await (const part of whole) {
    text += decoder.decode(part, { stream: true });
    if (text.length > TEXT_LIMIT_BYTES) {
      throw new NacreError("invalid", `${address} has neither a tar nor a Dockerfile`);
    }
  }
  return contexts.tree({ files: { [dockerfile]: text + decoder.decode() } });
}
