// From a bundle to the program of its container. Reads, and changes nothing.

import { NacreError } from "@nacre/core/error.ts";
import { readConfig } from "@nacre/core/oci/config.ts";
import type {
  RuntimeSpec,
  SpecCapabilities,
  SpecMount,
  SpecProcess,
} from "@nacre/core/oci/runtime-spec.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { ProcessStreams } from "@nacre/core/ports/kernel.ts";
import { keyringOf } from "@nacre/core/program/become.ts";
import type { KernelProgram, Supervision } from "@nacre/core/program/program.ts";
import { hasNoFile } from "@nacre/core/program/resource-fields.ts";
import { cgroupPathOf, planRuntimeCgroups } from "@nacre/core/program/runtime-cgroups.ts";
import { hasUserNamespace } from "@nacre/core/program/runtime-mounts.ts";
import { runtimeProgram } from "@nacre/core/program/runtime-program.ts";
import type { SystemCallFilter } from "@nacre/core/program/system-call-filter.ts";
import { filterOf } from "@nacre/core/seccomp/for-container.ts";
import { readProfile } from "@nacre/core/seccomp/parse.ts";
import { withHome } from "./home.ts";
import type { OciMachine } from "./machine.ts";
import { type OciRecord, type OciRecords, stateText } from "./record.ts";

export interface CreateRequest {
  readonly id: string;
  /** Absolute. */
  readonly bundle: string;
  /** In place of the bundle's own, absolute. */
  readonly configPath?: string;
  readonly consoleSocket?: string;
  /** False: this process waits for the end (`run`). */
  readonly detached: boolean;
  readonly streams: ProcessStreams;
  /** It keeps the session keyring of who creates it. */
  readonly keepsKeyring?: boolean;
}

export interface PlannedContainer {
  readonly program: KernelProgram;
  readonly spec: RuntimeSpec;
  readonly config: string;
  record(pid: number, startTime: bigint, created: string): OciRecord;
}

interface PlannerOptions {
  readonly systemdCgroup: boolean;
  readonly owner: () => string;
  /** OCI architecture of the machine. */
  readonly architecture: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly warn: (message: string) => void;
}

/** The same for its first process and for what joins it. */
export const keyringFor = (
  id: string,
  { keepsKeyring = false }: Pick<CreateRequest, "keepsKeyring">,
): { readonly keyring?: string } => (keepsKeyring ? {} : { keyring: keyringOf(id) });

/** Where a container tells that it is ready (sd_notify(3)). */
const NOTIFY_INSIDE = "/run/notify/notify.sock";

export class OciPlanner {
  readonly #files: Files;
  readonly #machine: OciMachine;
  readonly #records: OciRecords;
  readonly #options: PlannerOptions;

  constructor(files: Files, machine: OciMachine, records: OciRecords, options: PlannerOptions) {
    this.#files = files;
    this.#machine = machine;
    this.#records = records;
    this.#options = options;
  }

  async plan(request: CreateRequest): Promise<PlannedContainer> {
    const { id, bundle } = request;
    const directory = this.#records.directory(id);
    const config = this.#readConfig(request);
    const fitted = this.#fitted(readConfig(config, this.#options.warn), request);
    const rootfs = this.#rootfs(fitted, bundle);
    const spec = await this.#withHome(fitted, rootfs);
    const { hierarchies } = this.#machine;
    const path = cgroupPathOf(spec.linux.cgroupsPath, id, this.#options.systemdCgroup);
    const cgroups = planRuntimeCgroups(
      hierarchies,
      path,
      this.#machine.limits(spec.linux.resources),
      this.#machine.sight,
    );
    for (const field of cgroups.leftOut) this.#options.warn(`config.json: ${hasNoFile(field)}`);
    const labels = this.#machine.labels();
    const record = (pid: number, startTime: bigint, created: string): OciRecord => ({
      ...{ id, pid, startTime: String(startTime), bundle, rootfs, created },
      ...{ owner: this.#options.owner(), annotations: spec.annotations ?? {}, cgroupPath: path },
      ...{ nodes: cgroups.nodes, parents: cgroups.parents },
      hasProcess: spec.process !== undefined,
      hooks: { poststart: spec.hooks.poststart, poststop: spec.hooks.poststop },
      ...(request.keepsKeyring && { keepsKeyring: true }),
    });
    const program = runtimeProgram({
      id,
      mounts: {
        ...{ spec, bundle, hierarchies: cgroups.hierarchies },
        ...{ cgroupPath: path, hasSelinux: labels.selinux },
      },
      rootfs,
      cgroups,
      directory,
      around:
        spec.linux.rootfsPropagation?.mode === "shared" ? this.#machine.mountsAround(rootfs) : [],
      state: (status) => stateText(record(0, 0n, ""), status),
      supervision: {
        ...this.supervision(spec.process?.terminal ?? false, request),
        startPath: this.#records.startPath(id),
      },
      filter: this.filterOf(spec, record(0, 0n, "")),
      ...keyringFor(id, request),
    });
    return { program, spec, config, record };
  }

  async #withHome(spec: RuntimeSpec, rootfs: string): Promise<RuntimeSpec> {
    const { process } = spec;
    if (!process) return spec;
    const env = await withHome(this.#files, rootfs, process.user.uid, process.env);
    return { ...spec, process: { ...process, env } };
  }

  /** Who keeps the streams and the terminal, and how long. */
  supervision(
    terminal: boolean,
    request: Pick<CreateRequest, "consoleSocket" | "detached" | "streams">,
  ): Supervision {
    const { consoleSocket, detached, streams } = request;
    if (terminal && consoleSocket === undefined && detached) {
      throw new NacreError(
        "invalid",
        "cannot allocate tty if runtime will detach without setting console socket",
        {
          advice: "Give --console-socket, or set process.terminal to false.",
        },
      );
    }
    if (!terminal && consoleSocket !== undefined) {
      throw new NacreError(
        "invalid",
        "cannot use console socket if runtime will not detach or allocate tty",
      );
    }
    const descriptors = streams.more?.length ?? 0;
    return {
      ...{ stdin: "inherit", output: "inherit", collect: [] },
      terminal: !terminal ? "none" : consoleSocket !== undefined ? "socket" : "attached",
      ...(consoleSocket !== undefined && { consolePath: consoleSocket }),
      ...(descriptors > 0 && { descriptors }),
      detached,
      leaves: detached,
    };
  }

  /** The filter of system calls; who decides on those that it leaves open is told of `about`. */
  filterOf(
    { linux }: RuntimeSpec,
    about: Pick<OciRecord, "id" | "bundle" | "annotations">,
  ): SystemCallFilter | undefined {
    if (linux.seccomp === undefined) return undefined;
    const unknownCall = (field: string, call: string): void =>
      this.#options.warn(`config.json: ${field} is no system call: ${call}: left out`);
    const profile = readProfile(linux.seccomp, { name: "linux.seccomp", unknownCall });
    const { id, bundle, annotations } = about;
    return filterOf(profile, this.#options.architecture, { id, bundle, annotations });
  }

  #readConfig({ bundle, configPath }: CreateRequest): string {
    const path = configPath ?? `${bundle}/config.json`;
    try {
      return this.#files.readText(path);
    } catch (error) {
      if (!(error instanceof NacreError) || error.kind !== "not-found") throw error;
      throw new NacreError("not-found", `${path}: no such file or directory`, {
        advice: "A bundle is a directory with a config.json: `spec` makes one, --bundle names it.",
      });
    }
  }

  #rootfs({ root }: RuntimeSpec, bundle: string): string {
    const joined = root.path.startsWith("/") ? root.path : `${bundle}/${root.path}`;
    const path = joined.replace(/\/+(\.\/+)*/g, "/").replace(/\/\.?$/, "") || "/";
    if (this.#files.list(path).length === 0 && this.#files.status(path)?.kind !== "directory") {
      throw new NacreError("invalid", `config.json: root.path: ${path} is no directory`);
    }
    return path;
  }

  /** The spec with what the environment asks for, and without what nobody here can give. */
  #fitted(spec: RuntimeSpec, { streams }: CreateRequest): RuntimeSpec {
    const { process, mounts } = spec;
    if (!process) return spec;
    const { NOTIFY_SOCKET: notify } = this.#options.environment;
    const more: string[] = this.#listenVariables(streams);
    const added: SpecMount[] = [];
    if (notify) {
      more.push(`NOTIFY_SOCKET=${NOTIFY_INSIDE}`);
      const options = ["bind", "private"];
      added.push({ destination: NOTIFY_INSIDE, type: "bind", source: notify, options });
    }
    const env = [...process.env, ...more];
    const fitted = this.fittedProcess({ ...process, env }, spec);
    return { ...spec, mounts: [...mounts, ...added], process: fitted };
  }

  /** Socket activation: the descriptors are the process's, and so is their number. */
  #listenVariables({ more = [] }: ProcessStreams): string[] {
    const { LISTEN_FDS: count, LISTEN_FDNAMES: names } = this.#options.environment;
    if (!count || more.length === 0) return [];
    return [`LISTEN_FDS=${count}`, "LISTEN_PID=1", ...(names ? [`LISTEN_FDNAMES=${names}`] : [])];
  }

  /** Root of a user namespace has all; elsewhere nobody gives what this process has not. */
  available(wanted: SpecCapabilities, spec: RuntimeSpec): SpecCapabilities {
    if (hasUserNamespace(spec)) return wanted;
    const available = this.#machine.capabilities();
    const missing = new Set<string>();
    const fit = (names: readonly string[]): string[] =>
      names.filter((name) => {
        if (!available.includes(name)) missing.add(name);
        return available.includes(name);
      });
    const fitted: SpecCapabilities = {
      bounding: fit(wanted.bounding),
      effective: fit(wanted.effective),
      permitted: fit(wanted.permitted),
      inheritable: fit(wanted.inheritable),
      ambient: fit(wanted.ambient),
    };
    if (missing.size > 0) {
      const names = [...missing].join(", ");
      this.#options.warn(
        `config.json: process.capabilities: this process has no ${names} to give: left out`,
      );
    }
    return fitted;
  }

  /** A process with the capabilities that can be had, and the labels that mean something here. */
  fittedProcess(process: SpecProcess, spec: RuntimeSpec): SpecProcess {
    const { apparmorProfile, selinuxLabel, ...rest } = process;
    const labels = this.#machine.labels();
    const kept = (name: string, label: string | undefined, isHere: boolean): string | undefined => {
      if (label && !isHere) {
        this.#options.warn(
          `config.json: process.${name}: this machine has no such module: left out`,
        );
      }
      return isHere ? label : undefined;
    };
    const profile = kept("apparmorProfile", apparmorProfile, labels.apparmor);
    const label = kept("selinuxLabel", selinuxLabel, labels.selinux);
    return {
      ...rest,
      ...(profile && { apparmorProfile: profile }),
      ...(label && { selinuxLabel: label }),
      capabilities: this.available(process.capabilities, spec),
    };
  }
}
