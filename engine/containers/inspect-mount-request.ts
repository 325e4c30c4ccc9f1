// What --mount asked for, as docker's HostConfig.Mounts has it.

import type { RequestedMount, TmpfsRequest } from "@nacre/core/program/request.ts";

/** Undefined where there is none of it. */
function some(members: Record<string, unknown>): Record<string, unknown> | undefined {
  const given = Object.entries(members).filter(([, value]) => value !== undefined);
  return given.length > 0 ? Object.fromEntries(given) : undefined;
}

function tmpfsOptions({ options }: TmpfsRequest) {
  const value = (key: string) =>
    options.find((option) => option.startsWith(`${key}=`))?.slice(key.length + 1);
  const [size, mode] = [value("size"), value("mode")];
  return some({
    SizeBytes: size === undefined ? undefined : Number(size),
    Mode: mode === undefined ? undefined : Number.parseInt(mode, 8),
  });
}

function optionsOf(mount: RequestedMount): Record<string, unknown> {
  switch (mount.type) {
    case "bind": {
      const { propagation, recursive, mustExist } = mount;
      return {
        BindOptions: some({
          Propagation: propagation === "private" ? undefined : `r${propagation}`,
          NonRecursive: recursive ? undefined : true,
          CreateMountpoint: mustExist ? undefined : true,
        }),
      };
    }
    case "volume": {
      const { driver, labels, noCopy, options, subpath } = mount;
      return {
        VolumeOptions: some({
          NoCopy: noCopy,
          Labels: labels,
          Subpath: subpath,
          DriverConfig: some({ Name: driver, Options: options }),
        }),
      };
    }
    case "tmpfs":
      return { TmpfsOptions: tmpfsOptions(mount) };
    case "image":
      return { ImageOptions: some({ Subpath: mount.subpath }) };
  }
}

export function mountRequestJson(mount: RequestedMount): Record<string, unknown> {
  const source =
    mount.type === "volume" ? mount.name : mount.type === "tmpfs" ? undefined : mount.source;
  const readOnly = mount.type === "tmpfs" ? mount.options.includes("ro") : isReadOnly(mount);
  return {
    Type: mount.type,
    ...some({ Source: source }),
    Target: mount.target,
    ...(readOnly && { ReadOnly: true }),
    ...some(optionsOf(mount)),
  };
}

const isReadOnly = (mount: RequestedMount): boolean => "readOnly" in mount && mount.readOnly;
