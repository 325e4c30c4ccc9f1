// How a container sees its secrets: as files in memory that is its own, or as variables. Neither
// they nor what they say are part of its image, its layer or its record.

import type { Files } from "@nacre/core/ports/files.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { PlainMount } from "@nacre/core/program/request.ts";
import type { ContainerRecord, ContainerSecret } from "@nacre/core/state/records.ts";
import type { StatePaths } from "../images/paths.ts";

/** What a program has of secrets. */
export interface SecretPlan {
  /** They put files into the memory that holds the container's own of /etc. */
  readonly files: readonly Operation[];
  readonly mounts: readonly PlainMount[];
  readonly environment: readonly string[];
}

/** podman's place for those that are not to be elsewhere. */
const DIRECTORY = "/run/secrets";
const IN_MEMORY = "secrets";
const ELSEWHERE = "secrets-elsewhere";

type Owner = Pick<ContainerRecord, "id" | "secrets">;

export function secretPlan(
  container: Owner,
  paths: StatePaths,
  files: Pick<Files, "status" | "readText">,
): SecretPlan {
  const { secrets = [], id } = container;
  const directory = paths.container(id).secrets;
  const place = (secret: ContainerSecret, path: string): Operation => ({
    ...{ op: "placeFile", path, source: `${directory}/${secrets.indexOf(secret)}` },
    segments: [[0, secret.sizeBytes]],
    ...{ mode: secret.mode, uid: secret.uid, gid: secret.gid },
    why: `the secret ${secret.name}, in memory alone`,
  });
  const asFiles = secrets.filter(({ type }) => type === "mount");
  const usual = asFiles.filter(({ target }) => !target.startsWith("/"));
  const elsewhere = asFiles.filter(({ target }) => target.startsWith("/"));
  return {
    files: [
      ...usual.map((one) => place(one, `${IN_MEMORY}/${one.target}`)),
      ...elsewhere.map((one, index) => place(one, `${ELSEWHERE}/${index}`)),
    ],
    mounts: [
      ...(usual.length > 0 ? [bound(`${paths.files}/${IN_MEMORY}`, DIRECTORY)] : []),
      ...elsewhere.map(({ target }, index) =>
        bound(`${paths.files}/${ELSEWHERE}/${index}`, target),
      ),
    ],
    environment: secrets.flatMap((secret, index) =>
      secret.type === "env" ? [`${secret.target}=${textOf(`${directory}/${index}`, files)}`] : [],
    ),
  };
}

const bound = (source: string, target: string): PlainMount => ({
  ...{ type: "bind", source, target, readOnly: false, recursive: false, propagation: "private" },
});

/** Empty of a container that is only explained: it has none yet. */
const textOf = (path: string, files: Pick<Files, "status" | "readText">): string =>
  files.status(path) ? files.readText(path) : "";
