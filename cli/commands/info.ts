import { availableParallelism, hostname, totalmem } from "node:os";
import { idsOf } from "@nacre/core/user-namespace/id-map.ts";
import type { SystemInfo } from "@nacre/engine/engine.ts";
import { command } from "../command.ts";
import { isThawed } from "../frozen.ts";
import type { Host } from "../host.ts";
import { text } from "../options.ts";
import { parseWholeTemplate } from "../text/template.ts";

export default command({
  usage: "[OPTIONS]",
  description: "The kernel's abilities, the state root, and how much is in it.",
  options: { format: text(["format", "f"], "string", "'json' or a Go template", ["json"]) },
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [["nacre info -f '{{.Driver}}'", "the snapshotter that is used"]],
  async run(context, { format }) {
    const { host } = context;
    const engine = await context.engine();
    const info = engine.system.info();
    if (format === undefined || format === "") host.print(infoText(info));
    else if (format === "json") host.print(`${JSON.stringify(infoJson(info, host))}\n`);
    else host.print(`${parseWholeTemplate(format).render(infoJson(info, host))}\n`);
    return 0;
  },
});

function infoText(info: SystemInfo): string {
  const { kernel, containers } = info;
  const erofs = { files: "over plain files", loop: "over loop devices", none: "not available" };
  const rows: [string, string][] = [
    ["Version", info.version],
    ["Root", info.root],
    ["Containers", `${containers.total} (${containers.running} running)`],
    ["Images", String(info.images)],
    ["Backend", info.backend],
    ["Node", `${process.versions.node}, ${isThawed() ? "thawed" : "started as usual"}`],
    ["Snapshotter", info.snapshotter],
    ["Cgroups", `${info.cgroup}${delegationText(info)}`],
    ["Kernel", `${kernel.release} ${kernel.architecture}`],
    ["EROFS", erofs[kernel.erofs]],
    ["Overlay", kernel.overlay ? "available" : "not available"],
    [
      "Privileged",
      kernel.privileged ? "yes" : `no: ${kernel.refusal ?? "containers need root here"}`,
    ],
    ["Rootless", kernel.userNamespace ? `yes, with ${idsText(kernel.userNamespace)}` : "no"],
  ];
  return rows.map(([name, says]) => `${name}: ${says}\n`).join("");
}

/** Root has those that there are. */
const delegationText = ({ cgroup, cgroupDelegated, kernel }: SystemInfo): string =>
  cgroup === "none" || cgroupDelegated || !kernel.userNamespace
    ? ""
    : ", none of which is delegated: no limits, no pause";

function idsText({ uids, gids }: NonNullable<SystemInfo["kernel"]["userNamespace"]>): string {
  const [users, groups] = [idsOf(uids), idsOf(gids)];
  return users === 1 ? "one user ID alone" : `${users} user and ${groups} group IDs`;
}

/** As uname(1) has them, which docker prints here; images say the other names. */
const MACHINES: Readonly<Record<string, string>> = { amd64: "x86_64", arm64: "aarch64" };

/** From os-release(5). */
function operatingSystem(host: Host): Record<string, string> {
  const file = ["/etc/os-release", "/usr/lib/os-release"].find((path) => host.exists(path));
  const text = file === undefined ? "" : host.readText(file);
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}="?(.*?)"?$`, "m").exec(text)?.[1];
  return { OperatingSystem: field("PRETTY_NAME") ?? "Linux", OSVersion: field("VERSION_ID") ?? "" };
}

/** Under docker's names where docker has them. */
function infoJson(info: SystemInfo, host: Host): Record<string, unknown> {
  const proxy = (name: string): string =>
    host.environment[name] ?? host.environment[name.toUpperCase()] ?? "";
  const { containers, kernel } = info;
  return {
    ServerVersion: info.version,
    Containers: containers.total,
    ContainersRunning: containers.running,
    ContainersPaused: containers.paused,
    ContainersStopped: containers.total - containers.running - containers.paused,
    Images: info.images,
    Driver: info.snapshotter,
    DriverStatus: [],
    Plugins: {
      ...{ Volume: ["local"], Network: ["host", "none"], Authorization: null },
      Log: ["journald", "json-file", "local", "none"],
    },
    CgroupDriver: info.cgroup === "none" ? "none" : "cgroupfs",
    // Of a hybrid machine docker says 1, too: limits are those of v1.
    CgroupVersion: info.cgroup === "v2" ? "2" : "1",
    LoggingDriver: "json-file",
    ...{ DefaultRuntime: "native", Runtimes: { native: {}, wasi: {} }, InitBinary: "nacre-init" },
    ...{ Debug: false, ExperimentalBuild: false, LiveRestoreEnabled: true, Labels: [] },
    ...{ Warnings: null, SystemTime: new Date(host.nowMs()).toISOString() },
    HttpProxy: proxy("http_proxy"),
    HttpsProxy: proxy("https_proxy"),
    NoProxy: proxy("no_proxy"),
    Swarm: { LocalNodeState: "inactive" },
    ...{ Name: hostname(), NCPU: availableParallelism(), MemTotal: totalmem() },
    ...operatingSystem(host),
    KernelVersion: kernel.release,
    OSType: "linux",
    Architecture: MACHINES[kernel.architecture] ?? kernel.architecture,
    DockerRootDir: info.root,
    SecurityOptions: [
      "name=seccomp,profile=builtin",
      ...(info.usernsRemap ? ["name=userns"] : []),
      ...(kernel.userNamespace ? ["name=rootless"] : []),
    ],
    Backend: info.backend,
    Node: { Version: process.versions.node, Thawed: isThawed() },
    Kernel: kernel,
  };
}
