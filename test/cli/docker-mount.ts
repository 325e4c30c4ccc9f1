// A mount in docker's shape, as its client sends it.

import type { RequestedMount } from "@nacre/core/program/request.ts";

type Json = Readonly<Record<string, unknown>>;

function optionsOf(mount: RequestedMount): Json {
  switch (mount.type) {
    case "bind":
      return mount.propagation === "private"
        ? {}
        : { BindOptions: { Propagation: `r${mount.propagation}` } };
    case "volume": {
      const options = {
        ...(mount.subpath !== undefined && { Subpath: mount.subpath }),
        ...(mount.labels && { Labels: mount.labels }),
        ...(mount.noCopy && { NoCopy: true }),
      };
      return Object.keys(options).length > 0 ? { VolumeOptions: options } : {};
    }
    case "image":
      return mount.subpath === undefined ? {} : { ImageOptions: { Subpath: mount.subpath } };
    case "tmpfs": {
      const value = (key: string) =>
        mount.options.find((option) => option.startsWith(`${key}=`))?.slice(key.length + 1);
      const options = {
        ...(value("mode") !== undefined && { Mode: Number.parseInt(value("mode")!, 8) }),
        ...(value("size") !== undefined && { SizeBytes: Number(value("size")) }),
      };
      return Object.keys(options).length > 0 ? { TmpfsOptions: options } : {};
    }
  }
}

/** As `--mount` makes it. */
export function dockerMount(mount: RequestedMount): Json {
  const source =
    mount.type === "volume" ? mount.name : mount.type === "tmpfs" ? undefined : mount.source;
  const readOnly = "readOnly" in mount && mount.readOnly;
  return {
    Type: mount.type,
    Target: mount.target,
    ...(source !== undefined && { Source: source }),
    ...(readOnly && { ReadOnly: true }),
    ...optionsOf(mount),
  };
}

/** What docker's client says of nothing in particular, left out. */
export function withoutEmpty(mount: Json): Json {
  const { BindOptions, VolumeOptions, ...rest } = mount as Record<string, Json | undefined>;
  const volume = { ...VolumeOptions };
  delete volume.DriverConfig;
  return {
    ...rest,
    ...(BindOptions && Object.keys(BindOptions).length > 0 && { BindOptions }),
    ...(Object.keys(volume).length > 0 && { VolumeOptions: volume }),
  };
}

/** As -v makes it: how many binds with a source, and the places of those without. */
export function dockerVolumes(mounts: readonly RequestedMount[]): {
  readonly binds: number;
  readonly places: Json;
} {
  const given = mounts.filter(({ type }) => type === "bind" || type === "volume");
  const unnamed = given.filter((mount) => mount.type === "volume" && mount.name === undefined);
  return {
    binds: given.length - unnamed.length,
    places: Object.fromEntries(unnamed.map(({ target }) => [target, {}])),
  };
}
