// A small file that a command writes because its caller asked for it: an image's ID, what a build says.

import type { Host } from "./host.ts";

/** In the place of one that is there. @throws NacreError */
export async function writeWhole(host: Host, path: string, text: string): Promise<void> {
  const file = await host.outputFile(path);
  file.write(new TextEncoder().encode(text));
  file.commit();
}
