import type { NodeReport } from "@nacre/core/cgroup-survey.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { CssSetReport } from "@nacre/engine/engine.ts";
import { describe, expect, it } from "vitest";
import { main } from "../../../cli/main.ts";
import { parseDot } from "../../graphviz.ts";
import { FakeEngine } from "../fake-engine.ts";
import { FakeHost, nacre } from "../fake-host.ts";
import { pinRecord } from "../fake-records.ts";

const ID = "0123456789abcdef".repeat(4);
const MIB = 1 << 20;

function node(path: string, more: Partial<NodeReport> = {}): NodeReport {
  return { path, processes: 0, population: 0, limits: {}, children: [], ...more };
}

function treeEngine(): FakeEngine {
  const engine = new FakeEngine();
  const memory = { own: 64 * MIB, effective: 64 * MIB, from: `/nacre/${ID}` };
  const inside = { own: "max", effective: 64 * MIB, from: `/nacre/${ID}` } as const;
  const web = node(`/nacre/${ID}`, {
    processes: 2,
    population: 3,
    limits: {
      memoryMax: memory,
      memorySwap: { ...memory, own: 2 * memory.own, effective: 2 * memory.own },
    },
    children: [
      node(`/nacre/${ID}/app`, { processes: 1, population: 1, limits: { memoryMax: inside } }),
      node(`/nacre/${ID}/none`),
    ],
  });
  const root = node("/", {
    processes: 5,
    population: 8,
    children: [node("/nacre", { population: 3, children: [web] }), node("/z\u001b[2J")],
  });
  const cpu = node("/", {
    processes: 4,
    population: 8,
    children: [
      node("/a", {
        processes: 4,
        population: 4,
        limits: {
          cpuWeight: { own: 512, effective: 512, from: "/a" },
          cpuPeriod: { own: 100000, effective: 100000, from: "/a" },
          cpuQuota: { own: 150000, effective: 150000, from: "/a" },
        },
        cpuShare: 1 / 3,
      }),
    ],
  });
  engine.tree = {
    hierarchies: [
      { version: 1, controllers: ["memory"], mountpoint: "/sys/fs/cgroup/memory", root },
      { version: 1, controllers: ["cpu", "cpuacct"], mountpoint: "/cg", root: cpu },
    ],
    containers: new Map([[ID, "web"]]),
  };
  return engine;
}

describe("cgroup tree", () => {
  it("draws nodes with processes, their containers, and what limits hold", async () => {
    const { out } = await nacre(["cgroup", "tree"], { engine: treeEngine() });
    expect(out).toBe(
      [
        "memory: version 1, at /sys/fs/cgroup/memory",
        "NODE                             PROCESSES   CONTAINER   LIMITS",
        "/                                5",
        "├─ nacre                         0",
        "│  └─ 0123456789ab               2           web         memory 64MiB, memory and swap 128MiB",
        "│     ├─ app                     1           web         (memory 64MiB from /nacre/0123456789ab)",
        "│     └─ … 1 without processes",
        "└─ … 1 without processes",
        "",
        "cpu,cpuacct: version 1, at /cg",
        "NODE      PROCESSES   CONTAINER   LIMITS",
        "/         4",
        "└─ a      4                       1.5 CPUs, weight 512 (33 % of the CPUs)",
        "",
      ].join("\n"),
    );
  });

  it("shows all with --all, and no more levels than --depth says", async () => {
    const all = await nacre(["cgroup", "tree", "--all"], { engine: treeEngine() });
    expect(all.out).toContain("└─ z\\x1b[2J");
    expect(all.out).toContain("     └─ none");
    const flat = await nacre(["cgroup", "tree", "-a", "--depth", "1"], { engine: treeEngine() });
    expect(flat.out).toContain("├─ nacre");
    expect(flat.out).not.toContain("0123456789ab");
    const none = await nacre(["cgroup", "tree", "--depth", "-1"]);
    expect(none).toMatchObject({ code: 125, err: expect.stringContaining("must not be negative") });
  });

  it("dims what another node sets, on a terminal only", async () => {
    const dimmed = "\x1b[2m(memory 64MiB";
    const terminals = [1];
    const on = await nacre(["cgroup", "tree"], { engine: treeEngine(), terminals });
    expect(on.out).toContain(dimmed);
    const environment = { NO_COLOR: "1" };
    const off = await nacre(["cgroup", "tree"], { engine: treeEngine(), terminals, environment });
    expect(off.out).not.toContain("\x1b");
  });

  it("prints JSON with numbers as the kernel has them", async () => {
    const { out } = await nacre(["cgroup", "tree", "--json", "/nacre"], { engine: treeEngine() });
    const [memory] = JSON.parse(out);
    expect(memory.root.children[0].children[0]).toMatchObject({
      path: `/nacre/${ID}`,
      container: { id: ID, name: "web" },
      limits: { memoryMax: { own: 64 * MIB, effective: 64 * MIB } },
    });
  });

  it("hands on what it is to show", async () => {
    const engine = treeEngine();
    await nacre(["cgroup", "tree", "web"], { engine });
    expect(engine.calls).toEqual([["tree", "web"]]);
  });
});

const SETS: CssSetReport[] = [
  {
    cgroups: [
      { hierarchy: 4, controllers: ["memory"], path: `/nacre/${ID}` },
      { hierarchy: 2, controllers: ["cpu", "cpuacct"], path: "/" },
      { hierarchy: 1, controllers: ["name=x"], path: "/" },
      { hierarchy: 0, controllers: [], path: '/of "quotes"\\' },
    ],
    processes: Array.from({ length: 14 }, (_, i) => ({ pid: 100 + i, command: `p\t${i}` })),
    container: { id: ID, name: "web" },
  },
  {
    cgroups: [
      { hierarchy: 4, controllers: ["memory"], path: "/" },
      { hierarchy: 2, controllers: ["cpu", "cpuacct"], path: "/" },
      { hierarchy: 1, controllers: ["name=x"], path: "/" },
      { hierarchy: 0, controllers: [], path: "/" },
    ],
    processes: [{ pid: 1, command: "init" }],
  },
];

function setsEngine(): FakeEngine {
  const engine = new FakeEngine();
  engine.sets = SETS;
  return engine;
}

describe("cgroup css-sets", () => {
  it("says who shares which cgroups, and counts the links", async () => {
    const { out } = await nacre(["cgroup", "css-sets"], { engine: setsEngine() });
    expect(out).toContain("css_set 1: 14 processes, container web\n");
    expect(out).toContain("  / in cpu,cpuacct, name=x\n");
    expect(out).toContain("  100 p\\t0, 101 p\\t1");
    expect(out).toContain("… 2 more\n");
    expect(out).toContain("css_set 2: 1 process\n  / in cpu,cpuacct, memory, name=x, version 2\n");
    expect(out).toMatch(/^15 processes in 2 css_sets, which have 8 links to 6 cgroups\.$/m);
  });

  it("prints an array, one element a css_set", async () => {
    const { out } = await nacre(["cgroup", "css-sets", "--json"], { engine: setsEngine() });
    expect(JSON.parse(out)).toMatchObject([
      {
        id: 1,
        processes: SETS[0]!.processes,
        cgroups: SETS[0]!.cgroups,
        container: { name: "web" },
      },
      { id: 2, container: null },
    ]);
  });

  it("draws a graph with one line a link, whatever paths are called", async () => {
    const { out } = await nacre(["cgroup", "css-sets", "--dot"], { engine: setsEngine() });
    const { nodes, edges } = parseDot(out);
    expect(edges).toHaveLength(8);
    expect(edges).toContainEqual(["set1", '0:/of "quotes"\\']);
    expect(nodes.get("set1")).toBe("css_set 1: web, 14 processes");
    for (const end of edges.flat()) expect(nodes.has(end)).toBe(true);
  });

  it("prints one form at a time", async () => {
    const { code, err } = await nacre(["cgroup", "css-sets", "--json", "--dot"]);
    expect(code).toBe(125);
    expect(err).toContain("exclude each other");
  });
});

describe("ns ls", () => {
  function engine(): FakeEngine {
    const made = new FakeEngine();
    made.reports = [
      {
        kind: "net",
        id: 4026531833,
        own: true,
        processes: [{ pid: 1, command: "init\n" }],
        descriptors: [],
        mounts: [],
        pins: [],
        parents: [],
      },
      {
        kind: "net",
        id: 4026532100,
        own: false,
        processes: [],
        descriptors: [{ pid: 7, command: "ip", descriptor: 5 }],
        mounts: [{ path: "/run/netns/x" }, { path: "/p", mountNamespace: 4026532000 }],
        pins: ["lab"],
        parents: [{ pid: 8, command: "sh" }],
        container: { id: ID, name: "web" },
      },
    ];
    return made;
  }

  it("shows members and everything that keeps a namespace alive", async () => {
    const { out } = await nacre(["ns", "ls"], { engine: engine() });
    expect(out).toBe(
      [
        "KIND      ID            PROCESSES   PID       COMMAND   CONTAINER   KEPT ALIVE BY",
        "net       4026531833*   1           1         init\\n                a process",
        "net       4026532100    0                               web         children of 8 sh, pin lab, descriptor 5 of 7 ip, mount /run/netns/x, mount /p in mnt:[4026532000]",
        "",
      ].join("\n"),
    );
  });

  it("asks for kinds by any of their names, and for a container", async () => {
    const made = engine();
    await nacre(["ns", "ls", "-k", "network", "--kind=uts", "-c", "web"], { engine: made });
    expect(made.calls).toEqual([["namespaces", { kinds: ["net", "uts"], container: "web" }]]);
    const { code, err } = await nacre(["ns", "ls", "--kind", "disk"]);
    expect(code).toBe(125);
    expect(err).toContain("must be one of cgroup, ipc, mnt, net, pid, time, user, uts");
  });

  it("prints an array", async () => {
    const { out } = await nacre(["ns", "ls", "--json"], { engine: engine() });
    expect(JSON.parse(out)).toMatchObject([{ kind: "net", own: true }, { container: { id: ID } }]);
  });
});

describe("cgroup mount", () => {
  it("hands on options as mount(8) has them, and absolute targets", async () => {
    const engine = new FakeEngine();
    const words = ["cgroup", "mount", "-o", "cpu,,name=x", "teams", "there"];
    expect(await nacre(words, { engine })).toMatchObject({ code: 0, out: "" });
    const target = "/work-directory/there";
    const options = ["cpu", "name=x"];
    const request = { type: "cgroup", options, source: "teams", target };
    expect(engine.calls).toEqual([["mount", request]]);
  });

  it("needs no name for a remount, and only there", async () => {
    const engine = new FakeEngine();
    expect((await nacre(["cgroup", "mount", "-o", "remount,cpu", "/a"], { engine })).code).toBe(0);
    const { code, err } = await nacre(["cgroup", "mount", "-o", "cpu", "/a"], { engine });
    expect(code).toBe(125);
    expect(err).toContain("NAME and TARGET are needed");
  });

  it("explains instead of doing it", async () => {
    const engine = new FakeEngine();
    const { out } = await nacre(["cgroup", "mount", "--explain", "x", "/a"], { engine });
    expect(out).toMatch(/^mount cpu\n/);
    expect(engine.calls.map(([name]) => name)).toEqual(["mount program"]);
  });
});

describe("cgroup umount", () => {
  it("goes on after one that fails", async () => {
    const engine = new FakeEngine();
    await nacre(["cgroup", "umount", "/a", "b"], { engine });
    expect(engine.calls).toEqual([
      ["unmount", "/a"],
      ["unmount", "/work-directory/b"],
    ]);
    engine.failure = new NacreError("not-found", "nothing is there");
    const { code, err } = await nacre(["cgroup", "umount", "/a", "/b"], { engine });
    expect(code).toBe(1);
    expect(err.match(/nothing is there/g)).toHaveLength(2);
  });
});

describe("ns pin", () => {
  it("pins by name, and says the name", async () => {
    const engine = new FakeEngine();
    const words = ["ns", "pin", "lab", "web", "--kind", "net,uts", "-k", "mount"];
    expect((await nacre(words, { engine })).out).toBe("lab\n");
    expect(engine.calls).toEqual([["pin", "lab", "web", ["net", "uts", "mnt"]]]);
  });

  it("explains instead", async () => {
    const engine = new FakeEngine();
    const { out } = await nacre(["ns", "pin", "--explain", "--kind", "all", "lab", "7"], {
      engine,
    });
    expect(out).toMatch(/^pin net\n/);
    expect(engine.calls).toEqual([["pin program", "lab", "7", []]]);
  });

  it("is undone by ns unpin, for each name", async () => {
    const engine = new FakeEngine();
    expect((await nacre(["ns", "unpin", "a", "b"], { engine })).out).toBe("a\nb\n");
    expect(engine.calls).toEqual([
      ["unpin", "a"],
      ["unpin", "b"],
    ]);
  });

  it("is remembered when the container is removed, and when things are pruned", async () => {
    const engine = new FakeEngine();
    engine.pinned = [pinRecord()];
    const removed = await nacre(["rm", "web"], { engine });
    expect(removed.err).toContain("namespaces of web are still pinned: lab (net)");
    expect(removed.err).toContain("nacre ns unpin lab");
    const pruned = await nacre(["system", "prune", "-f", "--pins"], { engine });
    expect(pruned.out).toContain("Still Pinned (nacre ns unpin):\nlab (net)\n");
    expect(engine.calls.at(-1)).toEqual([
      "prune",
      { all: false, pins: true, volumes: false, filters: {} },
    ]);
    engine.pinned = [pinRecord({ of: { pid: 1, command: "init" } })];
    expect((await nacre(["rm", "web"], { engine })).err).toBe("");
  });
});

describe("ns exec", () => {
  it("hands on the command, our environment and our directory, and its exit code", async () => {
    const engine = new FakeEngine();
    engine.exit = { code: 7 };
    const words = ["ns", "exec", "-k", "net", "lab", "ip", "-k", "addr"];
    const { code, host } = await nacre(words, { engine, environment: { PATH: "/bin" } });
    expect(code).toBe(7);
    expect(host.listeners).toBe(0);
    const request = {
      command: ["ip", "-k", "addr"],
      environment: ["PATH=/bin"],
      kinds: ["net"],
      outside: "/work-directory",
    };
    const streams = { stdin: 0, stdout: 1, stderr: 2 };
    expect(engine.calls).toEqual([["ns exec", "lab", request, streams]]);
  });

  it("hands signals on", async () => {
    const engine = new FakeEngine();
    engine.exit = "signal";
    const host = new FakeHost({ engine });
    const running = main(["ns", "exec", "lab", "sleep", "9"], host);
    await expect.poll(() => engine.calls.length, { timeout: 20_000 }).toBe(1);
    host.raise(15);
    expect(await running).toBe(143);
  });
});
