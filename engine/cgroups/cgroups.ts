// Cgroups as people look at them: the tree with what holds in it, and the css_sets.

import type { CgroupLayout, HierarchyMount } from "@nacre/core/cgroup-layout.ts";
import { type HierarchyReport, type NodeReport, reportSurvey } from "@nacre/core/cgroup-survey.ts";
import type { Core } from "@nacre/core/core.ts";
import { cssSetsOf } from "@nacre/core/css-set.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import { cgroupOf } from "../containers/cgroup-of.ts";
import type {
  Cgroups,
  CgroupTreeReport,
  ContainerName,
  Containers,
  CssSetReport,
} from "../engine.ts";
import { commandOf, ifThere, processIds } from "../observation.ts";
import { machineSize, surveyHierarchy } from "./survey.ts";

export class CgroupService implements Pick<Cgroups, "tree" | "cssSets"> {
  readonly #core: () => Core;
  readonly #files: Files;
  readonly #containers: Containers;
  readonly #layout: () => CgroupLayout;

  constructor(core: () => Core, files: Files, containers: Containers, layout: () => CgroupLayout) {
    this.#core = core;
    this.#files = files;
    this.#containers = containers;
    this.#layout = layout;
  }

  async tree(at = "/"): Promise<CgroupTreeReport> {
    const { hierarchies } = this.#layout();
    const surveyed = hierarchies.map((mount) => surveyHierarchy(this.#files, mount));
    const size = machineSize(this.#files, hierarchies);
    const reports = reportSurvey(this.#core(), surveyed, size);
    const containers = this.#names();
    const wanted = at.startsWith("/") ? at : cgroupOf(this.#containers.get(at));
    const found = reports.flatMap((report) => subtreeAt(report, wanted) ?? []);
    if (found.length === 0 && !at.startsWith("/")) {
      throw new NacreError("not-found", `the container ${at} has no cgroup`, {
        advice:
          "It has some while it runs, unless none is delegated to a user who is not root: docs/ROOTLESS.md says how one is.",
      });
    }
    if (found.length === 0) {
      throw new NacreError("not-found", `no cgroup ${at} in any hierarchy`, {
        advice: `Give a path within the hierarchies, such as /nacre, or a directory below ${mountpoints(hierarchies)}.`,
      });
    }
    return { hierarchies: found, containers };
  }

  async cssSets(): Promise<readonly CssSetReport[]> {
    const texts = processIds(this.#files).flatMap((pid) => {
      const text = ifThere(() => this.#files.readText(`/proc/${pid}/cgroup`));
      // A process that is going may show an empty file.
      return text === undefined || text === "" ? [] : [{ pid, text }];
    });
    const containers = this.#containers.list();
    return cssSetsOf(this.#core(), texts).map(({ cgroups, tasks }) => {
      const container = containerIn(
        cgroups.map(({ path }) => path),
        containers,
      );
      return {
        cgroups,
        processes: tasks.map((pid) => ({ pid, command: commandOf(this.#files, pid) })),
        ...(container && { container }),
      };
    });
  }

  #names(): Map<string, string> {
    return new Map(this.#containers.list().map(({ id, name }) => [id, name]));
  }
}

/** The container that one of these paths belongs to. */
function containerIn(
  paths: readonly string[],
  containers: readonly ContainerRecord[],
): ContainerName | undefined {
  const found = containers.find((container) => {
    const own = cgroupOf(container);
    return paths.some((path) => path === own || path.startsWith(`${own}/`));
  });
  return found && { id: found.id, name: found.name };
}

const mountpoints = (hierarchies: readonly HierarchyMount[]): string =>
  hierarchies[0]?.mountpoint ?? "a mounted hierarchy";

/** The part of a hierarchy below a path, which may also be a directory's. */
function subtreeAt(report: HierarchyReport, at: string): HierarchyReport | undefined {
  const { mountpoint } = report;
  const plain = at.length > 1 ? at.replace(/\/+$/, "") : at;
  const inside = plain === mountpoint || plain.startsWith(`${mountpoint}/`);
  const path = inside ? plain.slice(mountpoint.length) || "/" : plain;
  const root = nodeAt(report.root, path);
  return root && { ...report, root };
}

function nodeAt(node: NodeReport, path: string): NodeReport | undefined {
  if (node.path === path) return node;
  const next = node.children.find(
    (child) => path === child.path || path.startsWith(`${child.path}/`),
  );
  return next && nodeAt(next, path);
}
