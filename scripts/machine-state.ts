// The machine before and after a test run. What a run leaves behind is a defect of its own, so it
// is compared: mounts, cgroups, processes, loop devices, network links, shared memory, temporary
// files. Only what could be ours is looked at: a machine with other work on it changes all the time.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** Kind → names, each as a person would find it again. */
export type MachineState = ReadonlyMap<string, ReadonlySet<string>>;

/** What a run is known by. */
export interface RunMark {
  /** Environment variable and value that every process of the run inherits. */
  readonly name: string;
  readonly value: string;
  /** The run's TMPDIR. */
  readonly temporary: string;
}

/** Compiled code that Node itself keeps in TMPDIR, for npm among others. */
const NODE_CACHE = "node-compile-cache";

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Mount points that are ours by name, or of a kind that only containers make. */
function mounts(mark: RunMark): string[] {
  const lines = read("/proc/self/mountinfo").split("\n").filter(Boolean);
  const ours = lines.filter(
    (line) =>
      / - (erofs|overlay|cgroup2?) /.test(line) ||
      line.includes("nacre") ||
      line.includes(mark.temporary),
  );
  return ours.map((line) => {
    const [id, , , , target] = line.split(" ");
    return `${target} (mount ${id}, ${line.split(" - ")[1]?.split(" ")[0]})`;
  });
}

function* directories(path: string): Generator<string> {
  let entries: string[] = [];
  try {
    entries = readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return; // removed meanwhile
  }
  for (const name of entries) {
    const below = join(path, name);
    yield below;
    yield* directories(below);
  }
}

function cgroups(): string[] {
  const ours = /nacre|docker|libpod|crun|conmon/;
  return [...directories("/sys/fs/cgroup")].filter((path) => ours.test(path));
}

/**
 * Processes that inherited the run's mark, and all below them: a container's own processes have
 * another environment. Zombies are gone already.
 */
export function processes(mark: Pick<RunMark, "name" | "value">): string[] {
  const parents = new Map<string, string>();
  for (const pid of list("/proc").filter((name) => /^\d+$/.test(name))) {
    const [, state, parent] = /\) (.) (\d+) /.exec(read(`/proc/${pid}/stat`)) ?? [];
    if (state !== undefined && !"ZX".includes(state)) parents.set(pid, parent ?? "");
  }
  const isMarked = (pid: string): boolean =>
    read(`/proc/${pid}/environ`).includes(`${mark.name}=${mark.value}`);
  const own = String(process.pid);
  const isOurs = (pid: string): boolean => {
    if (pid === own || !parents.has(pid)) return false;
    return isMarked(pid) || isOurs(parents.get(pid) ?? "");
  };
  return [...parents.keys()].filter(isOurs).map((pid) => {
    const command = read(`/proc/${pid}/cmdline`).split("\0").join(" ").trim();
    return `${pid} ${command || read(`/proc/${pid}/comm`).trim()}`;
  });
}

function loopDevices(mark: RunMark): string[] {
  return list("/sys/block")
    .filter((name) => name.startsWith("loop"))
    .map((name) => `${name} ${read(`/sys/block/${name}/loop/backing_file`).trim()}`)
    .filter((text) => /nacre/.test(text) || text.includes(mark.temporary));
}

function links(): string[] {
  return list("/sys/class/net").map((name) => {
    try {
      return `${name} ${readlinkSync(`/sys/class/net/${name}`).includes("/virtual/") ? "virtual" : ""}`;
    } catch {
      return name;
    }
  });
}

/** What is there now. */
export function machineState(mark: RunMark): MachineState {
  return new Map([
    ["mount", new Set(mounts(mark))],
    ["cgroup", new Set(cgroups())],
    ["process", new Set(processes(mark))],
    ["loop device", new Set(loopDevices(mark))],
    ["network link", new Set(links())],
    ["shared memory", new Set(list("/dev/shm").filter((name) => name.includes("nacre")))],
    ["temporary file", new Set(list(mark.temporary).filter((name) => name !== NODE_CACHE))],
  ]);
}

/** What is there and was not, as `kind: name`. */
export function leaked(before: MachineState, after: MachineState): string[] {
  return [...after].flatMap(([kind, names]) =>
    [...names].filter((name) => !before.get(kind)?.has(name)).map((name) => `${kind}: ${name}`),
  );
}
