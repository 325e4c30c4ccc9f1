// A container's own time zone: a file of this machine's zone database (tzfile(5)) that becomes its
// /etc/localtime, as podman's --tz has it. It is copied, so that nothing of the machine is shown.

import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Operation } from "@nacre/core/program/operation.ts";

const DATABASE = "/usr/share/zoneinfo";
const LOCAL = "local";
const MAGIC = "TZif";
/** Names lead down into the database only: no part of one is `..`, and none is absolute. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_+-]*(\/[A-Za-z0-9][A-Za-z0-9_+-]*)*$/;

interface ZoneFile {
  readonly path: string;
  readonly sizeBytes: number;
}

/** @throws NacreError `invalid` where there is no such zone */
export function zoneFile(zone: string, files: Pick<Files, "readBytes">): ZoneFile {
  if (!NAME.test(zone)) throw noZone(zone);
  const path = zone === LOCAL ? "/etc/localtime" : `${DATABASE}/${zone}`;
  let bytes: Uint8Array;
  try {
    bytes = files.readBytes(path);
  } catch (error) {
    throw noZone(zone, error);
  }
  if (!new TextDecoder().decode(bytes.subarray(0, MAGIC.length)).startsWith(MAGIC)) {
    throw noZone(zone);
  }
  return { path, sizeBytes: bytes.length };
}

/** Puts it into the root that is open. */
export function placeZone({ path, sizeBytes }: ZoneFile): Operation {
  return {
    op: "placeFile",
    path: "localtime",
    source: path,
    segments: [[0, sizeBytes]],
    ...{ mode: 0o644, uid: 0, gid: 0 },
    why: "becomes the container's /etc/localtime",
  };
}

function noZone(zone: string, cause?: unknown): NacreError {
  return new NacreError("invalid", `invalid time zone ${JSON.stringify(zone)}`, {
    advice:
      zone === LOCAL
        ? "This machine has no /etc/localtime: name a zone, such as Europe/Berlin."
        : `Name one of ${DATABASE}, such as Europe/Berlin, or local.`,
    cause,
  });
}
