// Reads the cgroups of a machine through cgroupfs: directories are nodes, files their limits.

import type { HierarchyMount } from "@nacre/core/cgroup-layout.ts";
import {
  filesToSurvey,
  type SurveyedHierarchy,
  type SurveyedNode,
} from "@nacre/core/cgroup-survey.ts";
import { parseCpusetList } from "@nacre/core/cpuset-list.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import { ifThere } from "../observation.ts";

/** A hierarchy as it is now. Nodes that go while they are read are left out. */
export function surveyHierarchy(files: Files, mount: HierarchyMount): SurveyedHierarchy {
  const root = surveyNode(files, mount.mountpoint, "", filesToSurvey(mount));
  return { mount, root: root ?? { name: "", files: {}, processes: [], children: [] } };
}

function surveyNode(
  files: Files,
  directory: string,
  name: string,
  wanted: readonly string[],
): SurveyedNode | undefined {
  const names = ifThere(() => files.list(directory));
  const members = ifThere(() => files.readText(`${directory}/cgroup.procs`));
  if (names === undefined || members === undefined) return undefined;
  const texts = wanted.flatMap((file) => {
    if (!names.includes(file)) return [];
    const text = ifThere(() => files.readText(`${directory}/${file}`));
    return text === undefined ? [] : [[file, text] as const];
  });
  const below = names
    .filter((each) => ifThere(() => files.status(`${directory}/${each}`))?.kind === "directory")
    .sort();
  return {
    name,
    files: Object.fromEntries(texts),
    // 0 stands for a process that the reader's pid namespace does not have.
    processes: members
      .split("\n")
      .map(Number)
      .filter((pid) => pid > 0),
    children: below.flatMap(
      (each) => surveyNode(files, `${directory}/${each}`, each, wanted) ?? [],
    ),
  };
}

/** How many processors and memory nodes there are: what the root of the cpuset hierarchy has. */
export function machineSize(files: Files, hierarchies: readonly HierarchyMount[]) {
  const mount = hierarchies.find(({ controllers }) => controllers.includes("cpuset"));
  const suffix = mount?.version === 2 ? ".effective" : "";
  const count = (file: "cpus" | "mems"): number => {
    const path = `${mount?.mountpoint}/cpuset.${file}${suffix}`;
    const list = mount && ifThere(() => files.readText(path));
    return (parseCpusetList(list ?? "").at(-1) ?? 0) + 1;
  };
  return { cpus: count("cpus"), memoryNodes: count("mems") };
}
