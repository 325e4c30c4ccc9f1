// This machine's git in a container over its root: it writes to one directory, and to nothing else.

import { NacreError } from "@nacre/core/error.ts";
import type { Containers } from "../engine.ts";
import { parseGitAddress } from "./git-context.ts";

const MOUNT = "/nacre-build-context";
/** What a shallow fetch of one thing takes; the history is no part of a context. */
const SCRIPT = [
  "set -e",
  `cd ${MOUNT}`,
  "git init -q tree",
  "cd tree",
  'git fetch -q --depth 1 -- "$1" "$2"',
  "git checkout -q FETCH_HEAD",
  "git submodule update -q --init --recursive --depth 1",
  "rm -rf .git",
].join("\n");

/** NacreError `not-found` where there is no git, `unreachable` where it cannot fetch. */
export function gitClone(containers: Containers) {
  return async (address: string, directory: string): Promise<void> => {
    const { repository, reference = "HEAD" } = parseGitAddress(address);
    const running = await containers.run(
      {
        image: "host",
        command: ["sh", "-c", SCRIPT, "git", repository, reference],
        environment: ["GIT_TERMINAL_PROMPT=0", "HOME=/tmp"],
        network: "host",
        autoRemove: true,
        mounts: [
          {
            ...{ type: "bind", source: directory, target: MOUNT, readOnly: false },
            ...{ recursive: false, propagation: "private" },
          },
        ],
      },
      { stdin: "ignore", stdout: "ignore", stderr: "pipe" },
    );
    const said = await new Response(running.stderr).text();
    const code = await running.exited;
    if (code === 0) return;
    if (code === 127) {
      throw new NacreError("not-found", "contexts from git need git, which this machine has not", {
        advice: "Install it, or clone the repository and build from its directory.",
      });
    }
    throw new NacreError(
      "unreachable",
      `git cannot fetch ${repository} ${reference}: ${said.trim()}`,
    );
  };
}
