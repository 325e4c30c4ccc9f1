// Where a controller's hierarchy of v1 is mounted, and what a container's node has there.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

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
