// An image as docker's `image inspect` shows it.

import type { ImageListing } from "@nacre/engine/engine.ts";
import { referenceOf } from "./image-name.ts";
import { withAbsent } from "./text/absent.ts";
import { shapeConfig } from "./text/container-shapes.ts";
import { NIL_LIST, NIL_MAP, withGoNames } from "./text/go-shapes.ts";

/** @param driver the snapshotter that makes its root */
export function imageJson(listing: ImageListing, driver: string): Record<string, unknown> {
  const { image, references } = listing;
  const { config } = image;
  const digests = new Set<string>();
  const tags: string[] = [];
  for (const { reference, digest } of references) {
    const parsed = referenceOf(reference);
    digests.add(`${parsed.familiarName}@${digest}`);
    if (parsed.digest === undefined) tags.push(parsed.familiar());
  }
  const json = {
    Id: image.id,
    RepoTags: tags,
    RepoDigests: [...digests],
    Parent: "",
    Comment: config.history?.at(-1)?.comment ?? "",
    Created: config.created ?? "",
    DockerVersion: "",
    Author: config.author ?? "",
    Config: processJson(listing),
    Architecture: config.architecture,
    ...(config.variant !== undefined && { Variant: config.variant }),
    Os: config.os,
    Size: image.sizeBytes,
    GraphDriver: { Data: null, Name: driver },
    RootFS: { Type: "layers", Layers: config.rootfs.diff_ids },
    Metadata: { LastTagTime: new Date(image.pulledMs).toISOString() },
    Descriptor: {
      mediaType: image.manifestMediaType,
      digest: image.manifestDigest,
    },
  };
  withGoNames(json, { ID: "Id" });
  return json;
}

function processJson({ image }: ImageListing): Record<string, unknown> {
  const process = image.config.config ?? {};
  const json = {
    User: process.User ?? "",
    ...(process.ExposedPorts && { ExposedPorts: process.ExposedPorts }),
    Env: process.Env ?? [],
    Cmd: process.Cmd ?? null,
    Image: "",
    Volumes: process.Volumes ?? null,
    WorkingDir: process.WorkingDir ?? "",
    Entrypoint: process.Entrypoint ?? null,
    OnBuild: process.OnBuild ?? null,
    ...(process.Healthcheck && { Healthcheck: process.Healthcheck }),
    Labels: process.Labels ?? null,
    ...(process.StopSignal !== undefined && { StopSignal: process.StopSignal }),
    ...(process.Shell && { Shell: process.Shell }),
  };
  withAbsent(json, ["Healthcheck"]);
  withAbsent(json, ["StopSignal"], "");
  withAbsent(json, ["ExposedPorts"], NIL_MAP);
  withAbsent(json, ["Shell"], NIL_LIST);
  shapeConfig(json);
  return json;
}
