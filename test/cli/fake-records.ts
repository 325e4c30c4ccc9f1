// Records as tests of the command line show them.

import type { ContainerRequest } from "@nacre/core/program/request.ts";
import type {
  ContainerRecord,
  ImageRecord,
  PinRecord,
  VolumeRecord,
} from "@nacre/core/state/records.ts";
import type { VolumeListing } from "@nacre/engine/engine.ts";

export const HOUR_MS = 3_600_000;

export function containerRecord(changes: Partial<ContainerRecord> = {}): ContainerRecord {
  const request: ContainerRequest = {
    image: "debian",
    command: ["sh", "-c", "sleep 1000; echo done"],
    environment: [],
    terminal: false,
    interactive: false,
    detached: true,
    autoRemove: false,
    readOnlyRoot: false,
    mounts: [],
    network: "none",
    resources: {},
    labels: { a: "b" },
    pull: "missing",
  };
  return {
    id: "0123456789abcdef".repeat(4),
    name: "web",
    request,
    mounts: [],
    imageId: imageRecord().id,
    snapshotter: "erofs",
    createdMs: 0,
    startedMs: 0,
    status: "running",
    ...changes,
  };
}

export function imageRecord(changes: Partial<ImageRecord> = {}): ImageRecord {
  const digest = `sha256:${"a1".repeat(32)}`;
  return {
    id: `sha256:${"c0ffee".repeat(10)}abcd`,
    manifestDigest: digest,
    manifestMediaType: "application/vnd.oci.image.manifest.v1+json",
    config: {
      created: "1970-01-01T00:00:00Z",
      architecture: "amd64",
      os: "linux",
      config: { Env: ["PATH=/bin"], Cmd: ["bash"], Labels: { "<b>": "\u001b[31mred" } },
      rootfs: { type: "layers", diff_ids: [`sha256:${"b2".repeat(32)}`] },
    },
    layers: [],
    chainIds: [],
    sizeBytes: 448_123_456,
    pulledMs: 1000,
    passwd: "",
    group: "",
    ...changes,
  };
}

export function pinRecord(changes: Partial<PinRecord> = {}): PinRecord {
  const { id, name } = containerRecord();
  return {
    name: "lab",
    namespaces: [{ kind: "net", id: 4026532100 }],
    of: { pid: 7, command: "sh", container: { id, name } },
    bootId: "boot",
    createdMs: 0,
    ...changes,
  };
}

export function volumeListing(changes: Partial<VolumeRecord> = {}): VolumeListing {
  const volume: VolumeRecord = {
    name: "data",
    driver: "local",
    options: {},
    labels: { a: "b" },
    anonymous: false,
    createdMs: 0,
    ...changes,
  };
  return { volume, mountpoint: `/r/volumes/${volume.name}/_data`, users: [] };
}
