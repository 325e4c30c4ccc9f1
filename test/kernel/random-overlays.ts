// Random layers and overlays of them, some shown with other owners, and work in them.

import type { OwnerMap } from "@nacre/core/program/mount-description.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import fc from "fast-check";
import { FILES, idmap, make, path, STANDING, weighted, wholeIdMap } from "./random-programs.ts";

const LAYERS = ["/layers/first", "/layers/second", "/layers/upper"];

/** The operation with its names in another directory. */
function inside(directory: string, operation: Operation): Operation {
  const moved: Record<string, unknown> = { ...operation };
  for (const key of ["path", "existing"]) {
    if (String(moved[key]).startsWith("/")) moved[key] = directory + moved[key];
  }
  return moved as unknown as Operation;
}

const OPAQUE: fc.Arbitrary<Operation> = make("placeAttribute", {
  path,
  name: fc.constant("trusted.overlay.opaque"),
  value: fc.constant(Uint8Array.of("y".charCodeAt(0))),
});

/** Layers with files, whiteouts and opaque directories; an overlay of them; and work in it. */
export const overlayOperations: fc.Arbitrary<Operation[]> = fc
  .record({
    layers: fc.tuple(
      ...LAYERS.map((layer) =>
        fc
          .array(weighted([...FILES, [1, OPAQUE]]), { maxLength: 6 })
          .map((all) => [...STANDING.slice(0, 2), ...all].map((one) => inside(layer, one))),
      ),
    ),
    work: fc.constantFrom("/work", "/work", "/work", "/layers/upper/a"),
    inOverlay: fc.array(weighted(FILES), { minLength: 1, maxLength: 10 }),
    shown: fc.option(fc.record({ uids: wholeIdMap, gids: wholeIdMap })),
    lowest: idmap,
  })
  .map(({ layers, work: apart, inOverlay, shown, lowest }) => {
    // With other owners all that is written lies on one mount.
    const work = shown && apart === "/work" ? "/layers/work" : apart;
    const bind = (path: string, idmap: OwnerMap): Operation => ({
      ...{ op: "bind", source: path, target: path, idmap },
    });
    const options = [
      "lowerdir+=/layers/first",
      "lowerdir+=/layers/second",
      "upperdir=/layers/upper",
      `workdir=${work}`,
    ];
    return [
      ...["/layers", ...LAYERS, "/work", "/layers/work", "/o"].map(
        (at): Operation => ({ op: "makeDirectory", path: at, mode: 0o755, existing: "fail" }),
      ),
      ...layers.flat(),
      ...(shown ? [bind("/layers", shown)] : lowest ? [bind("/layers/first", lowest)] : []),
      {
        op: "mount",
        mount: { type: "overlay", source: "o", options, attributes: [] },
        target: "/o",
      },
      ...inOverlay.map((one) => inside("/o", one)),
    ];
  });
