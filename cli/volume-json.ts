// Docker's JSON for a volume.

import type { VolumeListing } from "@nacre/engine/engine.ts";
import { withShapes } from "./text/go-shapes.ts";

export function volumeJson({ volume, mountpoint }: VolumeListing): Record<string, unknown> {
  const { name, driver, options, labels, anonymous, createdMs } = volume;
  const all = anonymous ? { ...labels, "com.docker.volume.anonymous": "" } : labels;
  const json = {
    CreatedAt: new Date(createdMs).toISOString(),
    Driver: driver,
    Labels: Object.keys(all).length > 0 ? all : null,
    Mountpoint: mountpoint,
    Name: name,
    Options: Object.keys(options).length > 0 ? options : null,
    Scope: "local",
  };
  withShapes(json, { Labels: "map", Options: "map" });
  return json;
}
