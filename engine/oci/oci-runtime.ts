// The life of OCI containers: create, start, kill, delete and what is between. One method a command
// (runtime.md, "Operations"); what a container is, its program says
// (core/program/runtime-program.ts).

import { NacreError, whereFound } from "@nacre/core/error.ts";
import type {
  HookStage,
  RuntimeSpec,
  SpecHook,
  SpecProcess,
  SpecResources,
} from "@nacre/core/oci/runtime-spec.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel, ProcessStreams, RunningProgram } from "@nacre/core/ports/kernel.ts";
import { freezeControl } from "@nacre/core/program/freeze.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import { hasMountNamespace } from "@nacre/core/program/runtime-mounts.ts";
import { hookOperation, runtimeExecProgram } from "@nacre/core/program/runtime-program.ts";
import { whenUsed } from "@nacre/core/when-used.ts";
import { CgroupTree } from "./cgroup-tree.ts";
import { isTaken, named } from "./field-error.ts";
import { withHome } from "./home.ts";
import { OciMachine } from "./machine.ts";
import { type CreateRequest, keyringFor, OciPlanner } from "./planner.ts";
import {
  type OciRecord,
  OciRecords,
  type OciState,
  type OciStatus,
  processOf,
  stateOf,
  stateText,
  statusOf,
} from "./record.ts";
import { nodesToJoin } from "./sub-cgroups.ts";
import { changeLimits } from "./update.ts";

const SIGKILL = 9;
const END_MS = 10_000;

export interface OciRuntimeOptions {
  /** Directory of all containers' state. */
  readonly root: string;
  readonly systemdCgroup: boolean;
  /** Who owns what is made, for `list`; asked for by `create` alone. */
  readonly owner: () => string;
  /** OCI architecture of the machine. */
  readonly architecture: string;
  /** Of this process. */
  readonly ids: { readonly uid: number; readonly gid: number };
  /** This process's own. */
  readonly pid: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Told of what is found odd and gone on with. */
  readonly warn: (message: string) => void;
}

export type OciLook = OciState & Pick<OciRecord, "created" | "owner" | "rootfs">;

export interface ExecRequest {
  readonly id: string;
  readonly process: SpecProcess;
  readonly detached: boolean;
  readonly consoleSocket?: string;
  readonly streams: ProcessStreams;
  /** Below the container's own nodes: sub-cgroups.ts. */
  readonly cgroups?: readonly string[];
  readonly ignorePaused?: boolean;
}

export class OciRuntime {
  readonly records: OciRecords;
  readonly machine: OciMachine;
  readonly #kernel: Kernel;
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #options: OciRuntimeOptions;
  readonly #cgroups: CgroupTree;
  readonly #planner: OciPlanner;

  constructor(kernel: Kernel, files: Files, clock: Clock, options: OciRuntimeOptions) {
    this.#kernel = kernel;
    this.#files = files;
    this.#clock = clock;
    this.#options = options;
    this.records = new OciRecords(files, options.root);
    this.machine = new OciMachine(files, kernel);
    this.#cgroups = new CgroupTree(files, kernel, clock);
    this.#planner = whenUsed(() => new OciPlanner(files, this.machine, this.records, options));
  }

  /**
   * Makes everything, and leaves the process waiting for `start`. Whatever fails, nothing is left.
   * @throws NacreError `exists`, `invalid` (which field of config.json), and those of Kernel.execute
   */
  async create(request: CreateRequest): Promise<RunningProgram> {
    const { id } = request;
    const planned = await this.#planner.plan(request);
    this.records.prepare();
    const directory = this.records.directory(id);
    let running: RunningProgram;
    try {
      running = await this.#kernel.execute(planned.program, request.streams);
    } catch (error) {
      const taken = isTaken(error);
      if (!taken) await this.#files.removeTree(directory);
      if (!taken) await this.#stopHooks(planned.record(0, 0n, ""));
      throw taken
        ? new NacreError("exists", `container with given ID already exists: ${id}`)
        : named(error, planned.program);
    }
    const { pid, startTime } = running.process;
    const created = new Date(this.#clock.nowMs()).toISOString();
    const record = this.#withMount(planned.record(pid, startTime, created), planned.spec);
    try {
      this.records.write(record, planned.config);
    } catch (error) {
      // Nobody would ever know of it.
      await this.#takeDown(record);
      throw error;
    }
    return running;
  }

  #withMount(record: OciRecord, spec: RuntimeSpec): OciRecord {
    if (hasMountNamespace(spec)) return record;
    const rootMount = this.machine.mountAt(record.rootfs);
    return { ...record, ...(rootMount !== undefined && { rootMount }) };
  }

  /** @throws NacreError `conflict` unless it is created, and as those of Kernel.begin */
  async start(id: string): Promise<void> {
    const record = this.records.get(id);
    const status = this.status(record);
    if (status !== "created") {
      throw new NacreError("conflict", `cannot start a container that is ${status}: ${id}`);
    }
    try {
      await this.#kernel.begin(this.records.startPath(id));
    } catch (error) {
      if (record.hasProcess) throw error;
      throw new NacreError("invalid", "config.json: process is missing: there is nothing to start");
    } finally {
      this.#forgetStart(id);
    }
    await this.#runHooks(record, "poststart", "running", record.hooks.poststart);
  }

  #forgetStart(id: string): void {
    whereFound(() => this.#files.remove(this.records.startPath(id)));
  }

  /** What fails here is said, and gone on after (config.md, "POSIX-platform Hooks"). */
  async #runHooks(
    record: OciRecord,
    stage: HookStage,
    status: OciStatus,
    hooks: readonly SpecHook[],
  ): Promise<void> {
    for (const [i, hook] of hooks.entries()) {
      const pid = status === "stopped" ? {} : { pid: record.pid };
      const [before, after] = stateText(record, status);
      const text =
        status === "stopped" ? ([`${before}0`, after] as const) : ([before, after] as const);
      const operation = hookOperation(hook, stage, i, text, { by: "self", ...pid });
      const program: KernelProgram = { title: `${stage} hook of ${record.id}`, host: [operation] };
      try {
        await this.#kernel.perform(program);
      } catch (error) {
        this.#options.warn((named(error, program) as Error).message);
      }
    }
  }

  #stopHooks(record: OciRecord) {
    return this.#runHooks(record, "poststop", "stopped", record.hooks.poststop);
  }

  status(record: OciRecord): OciStatus {
    return statusOf(
      record,
      this.#kernel,
      () => this.#files.status(this.records.startPath(record.id)) !== undefined,
      () => this.isFrozen(record),
    );
  }

  state(id: string): OciState {
    const record = this.records.get(id);
    return stateOf(record, this.status(record));
  }

  isFrozen({ cgroupPath }: OciRecord): boolean {
    const control = freezeControl(this.machine.hierarchies, cgroupPath);
    return (
      control !== undefined &&
      this.#files.status(control.stateFile) !== undefined &&
      control.isFrozen(this.#files.readText(control.stateFile))
    );
  }

  /** @throws NacreError `conflict` if it is stopped */
  kill(id: string, signal: number, all: boolean): void {
    const record = this.records.get(id);
    const stopped = this.status(record) === "stopped";
    if (stopped && !(all && this.#cgroups.members(record.nodes).length > 0)) {
      throw new NacreError("conflict", `container not running: ${id}`);
    }
    if (all) this.#cgroups.signal(record.nodes, signal);
    else if (!this.#kernel.signal(processOf(record), signal)) {
      throw new NacreError("conflict", `container not running: ${id}`);
    }
  }

  /** @throws NacreError `conflict` unless it is stopped, or `force` is given */
  async delete(id: string, force: boolean): Promise<void> {
    const record = this.records.find(id);
    if (!record) {
      // What a killed `create` has left, if anything.
      if (force) return this.#files.removeTree(this.records.directory(id));
      this.records.get(id);
      return;
    }
    const status = this.status(record);
    if (status !== "stopped" && !force) {
      throw new NacreError(
        "conflict",
        `cannot delete container ${id} that is not stopped: ${status}`,
        {
          advice: "Send it SIGKILL first, or use --force.",
        },
      );
    }
    await this.#takeDown(record);
  }

  async #takeDown(record: OciRecord): Promise<void> {
    if (this.#kernel.alive(processOf(record))) await this.#end(record);
    this.#thaw(record);
    if (record.rootMount) await this.machine.letGo(record.rootfs, record.rootMount);
    await this.#cgroups.remove(record.nodes, record.parents);
    await this.#files.removeTree(this.records.directory(record.id));
    await this.#stopHooks(record);
  }

  async #end(record: OciRecord): Promise<void> {
    const process = processOf(record);
    const until = this.#clock.monotonicMs() + END_MS;
    this.#kernel.signal(process, SIGKILL);
    this.#thaw(record);
    for (let waitMs = 1; this.#kernel.alive(process); waitMs = Math.min(waitMs * 2, 50)) {
      if (this.#clock.monotonicMs() > until) {
        throw new NacreError("kernel", `the process of ${record.id} does not end`);
      }
      await this.#clock.sleep(waitMs);
    }
  }

  #thaw({ cgroupPath }: OciRecord): void {
    const control = freezeControl(this.machine.hierarchies, cgroupPath);
    if (control && this.#files.status(control.file))
      this.#files.control(control.file, control.thawed);
  }

  /** @throws NacreError `conflict` unless it is running or created */
  async pause(id: string): Promise<void> {
    const record = this.records.get(id);
    const status = this.status(record);
    const control = freezeControl(this.machine.hierarchies, record.cgroupPath);
    if (!control) throw new NacreError("unsupported", "this machine has no freezer");
    if (status !== "running" && status !== "created") {
      throw new NacreError("conflict", `cannot pause a container that is ${status}: ${id}`);
    }
    this.#files.control(control.file, control.frozen);
    const until = this.#clock.monotonicMs() + END_MS;
    for (let waitMs = 1; !this.isFrozen(record); waitMs = Math.min(waitMs * 2, 50)) {
      if (this.#clock.monotonicMs() > until) {
        this.#files.control(control.file, control.thawed);
        throw new NacreError("kernel", `a process of ${id} cannot be held`);
      }
      await this.#clock.sleep(waitMs);
    }
  }

  resume(id: string): void {
    const record = this.records.get(id);
    const status = this.status(record);
    if (status !== "paused") {
      throw new NacreError("conflict", `cannot resume a container that is ${status}: ${id}`);
    }
    this.#thaw(record);
  }

  /** A process more, in the namespaces and cgroups of the container. */
  async exec(request: ExecRequest): Promise<RunningProgram> {
    const record = this.records.get(request.id);
    const status = this.status(record);
    if (status === "stopped" || (status === "paused" && !request.ignorePaused)) {
      throw new NacreError(
        "conflict",
        `cannot exec in a container that is ${status}: ${request.id}`,
      );
    }
    const spec = this.records.spec(request.id);
    const process = processOf(record);
    const own = this.#kernel.namespaces(this.#options.pid);
    const theirs = Object.entries(this.#kernel.namespaces(process.pid));
    const namespaces = theirs.filter(([kind, inode]) => own[kind as keyof typeof own] !== inode);
    const { user, env } = request.process;
    const { hierarchies } = this.machine;
    const program = runtimeExecProgram({
      id: request.id,
      spec,
      process: {
        ...request.process,
        env: await withHome(this.#files, `/proc/${process.pid}/root`, user.uid, env),
      },
      join: { ...process, namespaces: namespaces.map(([kind]) => kind as keyof typeof own) },
      cgroups: nodesToJoin(this.#files, hierarchies, record.nodes, request.cgroups ?? []),
      supervision: this.#planner.supervision(request.process.terminal, request),
      filter: this.#planner.filterOf(spec, record),
      ...keyringFor(request.id, record),
    });
    try {
      return await this.#kernel.execute(program, request.streams);
    } catch (error) {
      throw named(error, program);
    }
  }

  /** Ends what `exec` has begun. */
  abandon({ process }: RunningProgram): void {
    this.#kernel.signal(process, SIGKILL);
  }

  /** The config.json of a container. */
  specOf(id: string): RuntimeSpec {
    this.records.get(id);
    return this.records.spec(id);
  }

  /** A process of `exec` as it can be had here. */
  fitted(process: SpecProcess, spec: RuntimeSpec): SpecProcess {
    return this.#planner.fittedProcess(process, spec);
  }

  get ids(): OciRuntimeOptions["ids"] {
    return this.#options.ids;
  }
  get warn(): OciRuntimeOptions["warn"] {
    return this.#options.warn;
  }

  /** As we see them. */
  processes(id: string): number[] {
    return this.#cgroups.members(this.records.get(id).nodes);
  }

  /** Writes limits, and puts back what was there where the kernel refuses one. */
  async update(id: string, resources: SpecResources): Promise<void> {
    const record = this.records.get(id);
    if (this.status(record) === "stopped") {
      throw new NacreError("conflict", `cannot update a container that is stopped: ${id}`);
    }
    const { hierarchies } = this.machine;
    const limits = this.machine.limits(resources);
    changeLimits(this.#files, hierarchies, record.cgroupPath, limits, this.warn);
  }

  /** The state, and what runc and crun say with it. */
  look(id: string): OciLook {
    return this.#look(this.records.get(id));
  }

  list(): OciLook[] {
    return this.records.all().map((record) => this.#look(record));
  }

  #look(record: OciRecord): OciLook {
    const { created, owner, rootfs } = record;
    return { ...stateOf(record, this.status(record)), rootfs, created, owner };
  }
}
