import {
  filesToSurvey,
  type HierarchyReport,
  type NodeReport,
  reportSurvey,
  type SurveyedNode,
} from "@nacre/core/cgroup-survey.ts";
import { describe, expect, it } from "vitest";
import { builds } from "./portable.ts";

const MACHINE = { cpus: 4, memoryNodes: 1 };
const UNLIMITED = "9223372036854771712\n";

function mount(version: 1 | 2, controllers: readonly string[]) {
  return { version, id: 1, controllers, mountpoint: `/cg/${controllers.join()}`, root: "/" };
}

function node(
  name: string,
  files: Record<string, string>,
  processes: number[] = [],
  children: SurveyedNode[] = [],
): SurveyedNode {
  return { name, files, processes, children };
}

function at(report: HierarchyReport, path: string): NodeReport {
  const found = function find(n: NodeReport): NodeReport | undefined {
    return n.path === path ? n : n.children.map(find).find((child) => child !== undefined);
  };
  return found(report.root)!;
}

describe.each(builds)("a survey in $build", ({ core }) => {
  it("says which node sets the memory limit that holds", () => {
    const files = (limit: string) => ({ "memory.limit_in_bytes": limit });
    const [report] = reportSurvey(
      core(),
      [
        {
          mount: mount(1, ["memory"]),
          root: node(
            "",
            files(UNLIMITED),
            [1],
            [
              node(
                "web",
                files("67108864\n"),
                [],
                [
                  node("tight", files("1048576\n"), [2, 3]),
                  node("loose", files("134217728\n"), [4]),
                  node("open", files(UNLIMITED)),
                ],
              ),
            ],
          ),
        },
      ],
      MACHINE,
    );
    const limits = (path: string) => at(report!, path).limits.memoryMax;
    expect(limits("/web")).toEqual({ own: 67108864, effective: 67108864, from: "/web" });
    expect(limits("/web/tight")).toEqual({ own: 1048576, effective: 1048576, from: "/web/tight" });
    expect(limits("/web/loose")).toEqual({ own: 134217728, effective: 67108864, from: "/web" });
    expect(limits("/web/open")).toEqual({ own: "max", effective: 67108864, from: "/web" });
    expect(limits("/")).toBeUndefined();
    expect(at(report!, "/web")).toMatchObject({ processes: 0, population: 3 });
    expect(report!.root.population).toBe(4);
  });

  it("shares the processors as the weights say: 60 % and 20 % of what is left for two", () => {
    const files = (shares: number) => ({ "cpu.shares": `${shares}\n` });
    const [report] = reportSurvey(
      core(),
      [
        {
          mount: mount(1, ["cpu", "cpuacct"]),
          root: node(
            "",
            files(1024),
            [],
            [node("a", files(3072), [1]), node("b", files(1024), [2]), node("idle", files(262144))],
          ),
        },
      ],
      MACHINE,
    );
    expect(at(report!, "/a").cpuShare).toBeCloseTo(0.75);
    expect(at(report!, "/b").cpuShare).toBeCloseTo(0.25);
  });

  it("reads version 2, where a node has what its parent passes on", () => {
    const [report] = reportSurvey(
      core(),
      [
        {
          mount: mount(2, ["cpu", "memory", "pids"]),
          root: node(
            "",
            { "cgroup.subtree_control": "cpu memory pids\n" },
            [1],
            [
              node(
                "a",
                {
                  "cgroup.subtree_control": "memory\n",
                  "cpu.max": "50000 100000\n",
                  "cpu.weight": "100\n",
                  "pids.max": "20\n",
                  "memory.max": "max\n",
                  "cgroup.freeze": "0\n",
                },
                [],
                [node("b", { "memory.max": "4096\n", "cgroup.freeze": "1\n" }, [2])],
              ),
            ],
          ),
        },
      ],
      MACHINE,
    );
    expect(at(report!, "/a").limits).toMatchObject({
      cpuQuota: { own: 50000, effective: 50000, from: "/a" },
      pidsMax: { own: 20, from: "/a" },
      memoryMax: { own: "max", effective: "max" },
    });
    expect(at(report!, "/a/b").limits).toMatchObject({
      memoryMax: { own: 4096, effective: 4096, from: "/a/b" },
      frozen: { own: 1, effective: 1, from: "/a/b" },
    });
    expect(at(report!, "/a").limits.frozen).toEqual({ own: 0, effective: 0 });
  });

  it("gives the processors that a node's parent leaves it", () => {
    const files = (cpus: string) => ({ "cpuset.cpus": cpus, "cpuset.mems": "0\n" });
    const [report] = reportSurvey(
      core(),
      [
        {
          mount: mount(1, ["cpuset"]),
          root: node(
            "",
            files("0-3\n"),
            [1],
            [node("a", files("1-2\n"), [2], [node("b", files("2\n"))])],
          ),
        },
      ],
      MACHINE,
    );
    expect([at(report!, "/").cpus, at(report!, "/a").cpus, at(report!, "/a/b").cpus]).toEqual([
      "0-3",
      "1-2",
      "2",
    ]);
  });

  it("reports a node's own value where what was read contradicts itself", () => {
    const [report] = reportSurvey(
      core(),
      [
        {
          mount: mount(1, ["pids"]),
          root: node("", {}, [7], [node("a", { "pids.max": "nonsense\n" }, [7, 7])]),
        },
      ],
      MACHINE,
    );
    expect(at(report!, "/a").limits).toEqual({});
    expect(at(report!, "/a").processes).toBe(2);
  });

  it("keeps hierarchies apart, named ones too, and version 2 last", () => {
    const root = node("", {}, [1]);
    const hierarchies = [mount(2, []), mount(1, ["name=x"]), mount(1, ["memory"])];
    const reports = reportSurvey(
      core(),
      hierarchies.map((each) => ({ mount: each, root })),
      MACHINE,
    );
    expect(reports.map(({ controllers }) => controllers)).toEqual([["name=x"], ["memory"], []]);
  });
});

describe("the files of a survey", () => {
  it("are those of the hierarchy's controllers", () => {
    expect(filesToSurvey(mount(1, ["pids", "freezer"]))).toEqual(["pids.max", "freezer.state"]);
    expect(filesToSurvey(mount(2, ["cpu"]))).toEqual([
      "cpu.weight",
      "cpu.max",
      "cpu.max.burst",
      "cgroup.freeze",
      "cgroup.subtree_control",
    ]);
  });
});
