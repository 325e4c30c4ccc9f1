// Plans a container: request, image, network and storage become one KernelProgram. Reads state,
// changes nothing.

import type { ImageProcess } from "@nacre/core/oci/image.ts";
import type { Spec } from "@nacre/core/oci/runtime-spec.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { Snapshotter } from "@nacre/core/ports/snapshotter.ts";
import {
  becomeProcess,
  keyringOf,
  listenerOperations,
  parentOperations,
  terminalOperations,
} from "@nacre/core/program/become.ts";
import type { MountedHierarchy } from "@nacre/core/program/cgroup-plan.ts";
import { compile } from "@nacre/core/program/compile.ts";
import { lender } from "@nacre/core/program/namespace-plan.ts";
import { BECOME_ROOT, mustBeMapped, type UserPlan } from "@nacre/core/program/outside.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import type { ContainerRequest } from "@nacre/core/program/request.ts";
import { securityLabels } from "@nacre/core/program/security-labels.ts";
import {
  createSpec,
  environment,
  processCapabilities,
  processLimits,
  specUser,
} from "@nacre/core/program/spec.ts";
import { singleDevices } from "@nacre/core/program/spec-devices.ts";
import { type ProcessUser, resolveGroups, resolveUser } from "@nacre/core/program/user.ts";
import type { ContainerRecord, ImageRecord } from "@nacre/core/state/records.ts";
import { checkUser, keptGroups, ownSpec } from "@nacre/core/user-namespace/own-spec.ts";
import { restView } from "../copies/rest-view.ts";
import type { EngineEvent, ExecRequest } from "../engine.ts";
import type { Named } from "../extensions.ts";
import type { LayerStore } from "../images/layer-store.ts";
import type { StatePaths } from "../images/paths.ts";
import { type SecretPlan, secretPlan } from "../secrets/secret-files.ts";
import { leftOutLimits, mustBeAble, mustHaveParent } from "./able.ts";
import { Accounts, wantedUser } from "./accounts.ts";
import { cgroupOf } from "./cgroup-of.ts";
import { ContainerRoot } from "./container-root.ts";
import { joining } from "./executing.ts";
import { ownFileNames, ownFileOperations, placedNames } from "./host-files.ts";
import { joinedKinds, LentNamespaces } from "./lent-namespaces.ts";
import type { Machine } from "./machine-facts.ts";
import { type ContainerMounts, ofStep } from "./mounts.ts";
import { namesInContainer } from "./names-in-container.ts";
import {
  joinedNodes,
  NO_SECRETS,
  NO_STEP,
  type StepMounts,
  withMounts,
  withVariables,
} from "./plan-parts.ts";
import { mustBeAbsolute } from "./request-check.ts";
import type { Runtimes } from "./runtimes.ts";
import { sharedMemory } from "./shared-memory.ts";
import { type HowStarted, supervisionOf, supervisionOfExec } from "./supervision.ts";
import type { SystemCallFilters } from "./system-call-filters.ts";
import { zoneFile } from "./time-zone.ts";

export interface PlannerOptions {
  /** The command that a detached container's supervisor starts when all is undone. */
  readonly settleCommand: (containerId: string) => readonly string[];
  /** The mounted cgroup hierarchies, detected once. */
  readonly hierarchies: () => readonly MountedHierarchy[];
  readonly machine: Machine;
  /** Another container, by what the user calls it. NacreError `not-found`. */
  readonly find: (container: string) => ContainerRecord;
  readonly tell: (notice: EngineEvent) => void;
}

/** As much of a container as there is before its record; `users` and `mounts`: where its root is needed. */
export type Planned = Pick<ContainerRecord, "request" | "snapshotter"> &
  Partial<Pick<ContainerRecord, "users" | "mounts">>;

/** How a container is started this time. */
export interface StartPlan extends HowStarted {
  readonly size?: TerminalSize | undefined;
  readonly step?: StepMounts;
}

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

export class Planner {
  readonly #kernel: Kernel;
  readonly #files: Files;
  readonly #networks: Named<"NetworkDriver">;
  readonly #runtimes: Runtimes;
  readonly #mounts: ContainerMounts;
  readonly #filters: SystemCallFilters;
  readonly #root: ContainerRoot;
  readonly #accounts: Accounts;
  readonly #paths: StatePaths;
  readonly #options: PlannerOptions;
  readonly #lent: LentNamespaces;
  readonly #told = new Set<string>();

  constructor(
    kernel: Kernel,
    files: Files,
    layers: LayerStore,
    snapshotters: Named<"Snapshotter">,
    networks: Named<"NetworkDriver">,
    runtimes: Runtimes,
    mounts: ContainerMounts,
    filters: SystemCallFilters,
    paths: StatePaths,
    options: PlannerOptions,
  ) {
    this.#kernel = kernel;
    this.#files = files;
    this.#root = new ContainerRoot(kernel, files, layers, snapshotters, paths);
    this.#accounts = new Accounts(kernel, files, paths);
    this.#networks = networks;
    this.#runtimes = runtimes;
    this.#mounts = mounts;
    this.#filters = filters;
    this.#paths = paths;
    this.#options = options;
    this.#lent = new LentNamespaces(options.find, (name, id) => networks.get(name).plan(id));
  }

  /**
   * Loads whatever a container is planned with; to be called before anything else here.
   * NacreError `not-found` naming those there are.
   */
  async prepare(
    { request, snapshotter, users, mounts = [] }: Planned,
    image: ImageRecord | undefined,
  ): Promise<void> {
    await this.#networks.load(this.#lent.driverOf(request.network));
    await this.#root.prepare(snapshotter, image, users, request);
    for (const mount of users ? mounts : []) {
      if (mount.type !== "image") continue;
      await this.#root.prepare(snapshotter, this.#mounts.imageOf(mount), users);
    }
    await this.#accounts.prepare(request);
    await this.#runtimes.load(request, image);
    await this.#filters.load(request);
    if (request.timeZone !== undefined) zoneFile(request.timeZone, this.#files);
  }

  checkRoot = (request: ContainerRequest): void => this.#root.check(request);

  /** Asked for where it is needed only: the machine's own root has none. */
  #snapshotter(container: ContainerRecord): Snapshotter | undefined {
    const mountsImages = container.mounts.some(({ type }) => type === "image");
    return mountsImages ? this.#root.snapshotter(container) : undefined;
  }

  /** The platform of the image that a request needs; undefined for this machine's. */
  platformFor(request: ContainerRequest): string | undefined {
    return this.#runtimes.platformFor(request);
  }

  /** The program of the container's first process. */
  program(
    container: ContainerRecord,
    image: ImageRecord | undefined,
    { size, step = NO_STEP, ...start }: StartPlan = {},
  ): KernelProgram {
    const { request, id } = container;
    const process = image?.config.config ?? {};
    const hasOwnNames = image !== undefined || request.rootDirectory !== undefined;
    this.tellWhatIsLeftOut(request);
    const network = this.#lent.network(request.network, id);
    const hostname = request.hostname ?? id.slice(0, 12);
    const user = this.#user(wantedUser(container, process), container, image);
    const users = this.#users(container, user);
    const mounted = this.#mounts.plan(container, this.#snapshotter(container), user);
    const names = placedNames(ownFileNames(request, !hasOwnNames), mounted.mounts, this.#files);
    const secrets = this.#secrets(container);
    const memory = sharedMemory(container, this.#paths, this.#options.find);
    const wanted = this.#possible(
      request,
      createSpec(withVariables(container, secrets.environment), process, {
        id,
        user,
        mounts: [
          ...[...mounted.mounts, ...secrets.mounts],
          ...step.mounts.map((mount) => ofStep(mount, users)),
        ],
        ...(memory && { sharedMemory: memory.path }),
        network: {
          own: network.ownNamespace,
          ...(network.path !== undefined && { path: network.path }),
        },
        ownFiles: { directory: this.#paths.files, names },
        rootfs: this.#paths.rootfs,
        cgroupsPath: cgroupOf(container),
        ...(size && { terminalSize: size }),
        machine: this.#options.machine,
        namespaceOf: this.#lent.pathOf,
        ...(users && { users }),
      }),
    );
    const { process: executed, child } = this.#runtimes.apply(request, image, wanted.process);
    const filter = this.#filters.of(request, id);
    const contents = hasOwnNames ? { hostname, ...namesInContainer(request, network) } : undefined;
    return compile({
      title: `run ${request.rootDirectory?.path ?? request.image} as ${container.name}`,
      spec: { ...wanted, process: executed },
      runtime: child,
      init: request.init ?? false,
      systemd: request.systemd !== undefined,
      keyring: keyringOf(id),
      ...(request.timeoutMs !== undefined && { timeoutMs: request.timeoutMs }),
      ...(users && { user: users }),
      ...(filter && { filter }),
      root: withMounts(
        withMounts(step.root ?? this.#root.plan(container, image), mounted, memory?.host),
        step,
      ),
      accounts: this.#accounts.operations(container, image),
      network,
      hierarchies: this.#options.hierarchies(),
      cpusetRoot: this.#options.machine.cpusetRoot,
      showsMemory: this.#files.status("/proc/kcore") !== undefined,
      files: ownFileOperations(
        ...([this.#paths.files, request, contents] as const),
        [...secrets.files, ...step.files],
        this.#files,
      ),
      supervision: supervisionOf(container, this.#paths, this.#options.settleCommand, start),
    });
  }

  /** The program of a process that joins a running container. */
  execProgram(
    container: ContainerRecord,
    image: ImageRecord | undefined,
    wanted: ExecRequest,
    { size, descriptors = 0 }: Pick<StartPlan, "size" | "descriptors"> = {},
  ): KernelProgram {
    const { terminal = false } = wanted;
    const exec = { ...wanted, terminal };
    mustBeAbsolute(exec.workingDirectory);
    const { request, id, users } = container;
    const config = image?.config.config ?? {};
    const name = exec.user ?? wantedUser(container, config);
    const user = joining(exec, () => this.#user(name, container, image));
    if (users) mustBeMapped(user, users);
    const privileged = exec.privileged ?? request.privileged ?? false;
    const filter = exec.privileged ? undefined : this.#filters.of(request, id);
    const wantedProcess = {
      terminal,
      ...(size && { consoleSize: { height: size.rows, width: size.columns } }),
      user: { ...specUser(user, request), ...keptGroups(this.#kernel.facts().userNamespace) },
      args: exec.command,
      env: this.#execEnvironment(container, config, exec, user),
      cwd: exec.workingDirectory ?? request.workingDirectory ?? (config.WorkingDir || "/"),
      capabilities: processCapabilities(
        user.uid,
        { ...request, privileged },
        this.#options.machine,
      ),
      noNewPrivileges: request.noNewPrivileges ?? false,
      ...processLimits(request),
      ...securityLabels({ ...request, privileged }, this.#options.machine),
    };
    // What the runtime needs was put there for the first process.
    const { process } = this.#runtimes.apply(request, image, wantedProcess);
    const joined = container.process!;
    const own = this.#lent.network(request.network, id).ownNamespace;
    const mapped = users !== undefined;
    const becoming = {
      ...{ joins: true, limited: mapped, keyring: keyringOf(id) },
      ...(filter && { filter }),
    };
    return {
      title: `exec in ${container.name}`,
      host: listenerOperations(filter),
      process: {
        clone: {
          create: [],
          join: {
            pid: joined.pid,
            startTime: BigInt(joined.startTime),
            namespaces: joinedKinds(own, mapped),
          },
          cgroups: joinedNodes(container, this.#options.hierarchies(), this.#files),
          joinPaths: [],
        },
        parent: parentOperations(process, mapped),
        child: [
          { op: "newSession", why: "so that signals of the caller's terminal do not reach it" },
          ...(users ? [BECOME_ROOT] : []),
          { op: "openRoot", path: "/", why: "names are resolved inside the container's root" },
          ...terminalOperations(process, true),
          ...becomeProcess(process, becoming),
        ],
        supervision: supervisionOfExec(wanted, descriptors),
      },
    };
  }

  /** The program that shows the root of a container that does not run. */
  viewProgram(container: ContainerRecord, image: ImageRecord | undefined): KernelProgram {
    const { request, name } = container;
    const user = this.#user(wantedUser(container, image?.config.config ?? {}), container, image);
    const mounted = this.#mounts.plan(container, this.#snapshotter(container), user);
    return restView(`look into ${name}`, {
      root: withMounts(this.#root.plan(container, image, { ephemeral: false }), mounted),
      rootfs: this.#paths.rootfs,
      mounts: mounted.mounts,
      readOnlyRoot: request.readOnlyRoot,
    });
  }

  /** Who a container's processes are, where it or its image names somebody. */
  namedUser(container: ContainerRecord, image: ImageRecord | undefined): ProcessUser | undefined {
    const wanted = wantedUser(container, image?.config.config ?? {});
    return wanted === "" ? undefined : this.#user(wanted, container, image);
  }

  /** For an engine that is not the machine's root. */
  #possible(request: ContainerRequest, spec: Spec): Spec {
    const maps = this.#kernel.facts().userNamespace;
    if (!maps) return spec;
    const devices = singleDevices(request, this.#options.machine);
    return ownSpec(spec, {
      maps,
      exists: (path) => this.#files.status(path) !== undefined,
      deviceAt: (path) => devices.find(({ target }) => target === path)?.source ?? path,
    });
  }

  /** Loads nothing for a container that has none. */
  #secrets = (container: ContainerRecord): SecretPlan =>
    container.secrets ? secretPlan(container, this.#paths, this.#files) : NO_SECRETS;

  #execEnvironment(
    container: ContainerRecord,
    image: ImageProcess,
    exec: ExecRequest,
    user: ProcessUser,
  ): string[] {
    const { request, id } = container;
    const more = [...this.#secrets(container).environment, ...(exec.environment ?? [])];
    const merged = { ...withVariables(container, more), terminal: exec.terminal ?? false };
    return environment(merged, image, request.hostname ?? id.slice(0, 12), user.home);
  }

  /** Of whom it consists, and where they are if they are those of another. */
  #users({ users, request }: ContainerRecord, user: ProcessUser): UserPlan | undefined {
    if (!users) return undefined;
    mustBeMapped(user, users);
    const { userns = "" } = request;
    const ownLayers = this.#kernel.facts().userNamespace !== undefined;
    const plan = { ...users, ...(ownLayers && { ownLayers }) };
    const other = lender(userns);
    if (other !== undefined) return { ...plan, path: this.#lent.pathOf(other, "user") };
    return userns.startsWith("ns:") ? { ...plan, path: userns.slice("ns:".length) } : plan;
  }

  /** As the container's own accounts have it. */
  #user(wanted: string, container: ContainerRecord, image: ImageRecord | undefined): ProcessUser {
    const { passwd, group } = this.#accounts.of(container, image);
    const user = resolveUser(wanted, passwd, group);
    const maps = this.#kernel.facts().userNamespace;
    if (maps && !container.users) checkUser(user, maps);
    const { groups = [] } = container.request;
    const more = resolveGroups(groups, group);
    // The first group is among them, so that nobody loses what it forbids by leaving it (CVE-2022-36109).
    return { ...user, additionalGids: [...new Set([user.gid, ...user.additionalGids, ...more])] };
  }

  /**
   * What of the limits this machine has no file for is said, once, and not written.
   * NacreError `unsupported` where there is no cgroup to stand below.
   */
  tellWhatIsLeftOut(limited: Pick<ContainerRequest, "resources" | "cgroupParent">): void {
    const hierarchies = this.#options.hierarchies();
    const facts = this.#kernel.facts();
    mustHaveParent(limited, hierarchies, facts);
    const message = leftOutLimits(limited.resources, hierarchies, facts);
    if (message === undefined || this.#told.has(message)) return;
    this.#told.add(message);
    this.#options.tell({ type: "notice", message });
  }

  /** Whether the machine can run containers, or why not. */
  mustBeAble(): void {
    mustBeAble(this.#kernel.facts());
  }
}
