// `nacre registry serve`: a plugin speaks the protocol, the image store answers it.

import { NacreError } from "@nacre/core/error.ts";
import type { Extensions } from "@nacre/core/ports/extensions.ts";
import type { ServedImages } from "@nacre/core/ports/image-server.ts";
import type { ImageService } from "../images/images.ts";
import type { ServeOptions } from "../sharing-interface.ts";
import type { Sharing } from "./sharing.ts";

const LOOPBACK = "127.0.0.1";
const PORT = 5000;

/**
 * On loopback, port 5000, by the protocol `oci`, unless told otherwise; 0 lets the machine choose.
 * @throws NacreError `not-found` where no plugin speaks the protocol
 */
export async function serveImages(
  images: ImageService,
  extensions: Extensions | undefined,
  sharing: Sharing,
  { protocol = "oci", host = LOOPBACK, port = PORT, ...options }: ServeOptions,
): Promise<ServedImages> {
  const server = await extensions?.find("ImageServer", protocol);
  if (!server) {
    const names = extensions?.names("ImageServer") ?? [];
    throw new NacreError("not-found", `no plugin serves images by the protocol ${protocol}`, {
      advice: names.length > 0 ? `There are: ${names.join(", ")}.` : "See nacre plugin ls.",
    });
  }
  const { store, uploads } = sharing.repositories();
  const served = await server.serve(store, { ...options, host, port });
  // While it serves, nobody takes for rubbish what is on its way.
  const ended = Promise.withResolvers<void>();
  const storing = images.storing("registry serve", () => ended.promise);
  return {
    ...{ address: served.address, url: served.url },
    async close() {
      await served.close();
      await uploads.suspend();
      ended.resolve();
      await storing;
    },
  };
}
