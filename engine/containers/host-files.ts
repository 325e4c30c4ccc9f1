// The three files of /etc that belong to a container and not to its image. They live on a tmpfs
// of the container's own mount namespace, so they cost no disk and go with it.

import type { Operation } from "@nacre/core/program/operation.ts";

export interface HostFiles {
  readonly hostname: string;
  readonly resolvConf: string;
  /** Lines of /etc/hosts after those of localhost. */
  readonly hosts: readonly string[];
}

const LOCALHOST = [
  "127.0.0.1\tlocalhost",
  "::1\tlocalhost ip6-localhost ip6-loopback",
  "fe00::0\tip6-localnet",
  "ff00::0\tip6-mcastprefix",
  "ff02::1\tip6-allnodes",
  "ff02::2\tip6-allrouters",
];

/** Operations of the child section that put the files into `directory`, which exists on the host. */
export function hostFileOperations(directory: string, files: HostFiles): Operation[] {
  const contents: Readonly<Record<string, string>> = {
    hosts: `${[...LOCALHOST, ...files.hosts, `127.0.0.1\t${files.hostname}`].join("\n")}\n`,
    hostname: `${files.hostname}\n`,
    "resolv.conf": files.resolvConf,
  };
  return [
    ...ownMemory(directory, "a place in memory for the files of /etc that are the container's own"),
    ...Object.entries(contents).map(
      ([name, data]): Operation => ({
        op: "placeText",
        path: name,
        data,
        mode: 0o644,
        uid: 0,
        gid: 0,
        why: `becomes the container's /etc/${name}`,
      }),
    ),
  ];
}

/** A tmpfs at `directory`, with what is placed next in it. */
export function ownMemory(directory: string, why: string): Operation[] {
  return [
    {
      op: "mount",
      mount: {
        type: "tmpfs",
        source: "nacre",
        options: ["mode=755", "size=1m"],
        attributes: ["nosuid", "nodev", "noexec"],
      },
      target: directory,
      why,
    },
    { op: "openRoot", path: directory, why: "to write them" },
  ];
}
