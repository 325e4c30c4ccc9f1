// Where a controller's hierarchy of v1 is mounted, and what a container's node has there.

import { existsSync, readFileSync, rmdirSync } from "node:fs";
import { dirname, join } from "node:path";

/** Undefined where there is none. */
export function cgroupDirectory(controller: string): string | undefined {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  const line = lines.find((one) => {
    const [, right = ""] = one.split(" - ");
    const [type, , options = ""] = right.split(" ");
    return type === "cgroup" && options.split(",").includes(controller);
  });
  return line?.split(" ")[4];
}

/** The node of a process: its path within the hierarchy. */
export function cgroupOf(pid: number, controller: string): string {
  const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8").split("\n");
  const line = lines.find((one) => one.split(":")[1]?.split(",").includes(controller));
  return line?.split(":").slice(2).join(":") ?? "";
}

/** What a file of the node says; undefined where there is no such file. */
export function cgroupFile(controller: string, node: string, file: string): string | undefined {
  const path = join(cgroupDirectory(controller) ?? "/nowhere", node, file);
  return existsSync(path) ? readFileSync(path, "utf8").trim() : undefined;
}

/** Removes what a runtime has left of a path, and what it lies in, in every hierarchy. */
export function removeCgroups(path: string): void {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  const mounts = lines
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(" ")[4]);
  for (const mount of mounts) {
    for (let at = path; at !== "/" && at !== "."; at = dirname(at)) {
      try {
        rmdirSync(join(mount as string, at));
      } catch {
        // It is not there, or somebody is in it.
      }
    }
  }
}
