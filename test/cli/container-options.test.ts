import type { ContainerRequest } from "@nacre/core/program/request.ts";
import { securityOptions } from "@nacre/engine/containers/inspect-host-config.ts";
import { describe, expect, it } from "vitest";
import { parseStreamName } from "../../cli/attachment.ts";
import { findEntry } from "../../cli/catalog.ts";
import { CONTAINER_OPTIONS, requestOf } from "../../cli/container-options.ts";
import { parseWords } from "../../cli/options.ts";
import { parseFilter } from "../../cli/parse/filter.ts";
import { dockerMount, dockerVolumes, withoutEmpty } from "./docker-mount.ts";
import { casesOf, outcomeOf, RUN_CASES, type RunCase } from "./facts.ts";
import { FakeHost } from "./fake-host.ts";

function request(...words: string[]): ContainerRequest {
  const { values, operands } = parseWords(CONTAINER_OPTIONS, words, false);
  return requestOf(values, operands, new FakeHost({ environment: { A: "mine" } }));
}

it("asks for lines of accounts as podman has it", () => {
  expect(request("img").accounts).toBeUndefined();
  expect(request("--passwd", "img").accounts).toEqual({ add: true });
  expect(request("--passwd=false", "img").accounts).toEqual({ add: false });
  const words = ["--hostuser", "a", "--hostuser=1", "--passwd-entry", "p", "--group-entry=g"];
  const asked = { hostUsers: ["a", "1"], passwdEntry: "p", groupEntry: "g" };
  expect(request(...words, "img").accounts).toEqual(asked);
});

/** Docker's daemon refuses these; its client, whose cases they are, lets them through. */
const REFUSED: Readonly<Record<string, string>> = {
  "-v a:b img": "mount path must be absolute",
  "-v :: img": "invalid mount path: '::'",
  "--mount type=bind,src=a,dst=/b img": "invalid mount path: 'a' mount path must be absolute",
  "--mount type=bind,dst=/b img": "field Source must not be empty",
  "-v /a:b img": "invalid mount path: 'b'",
  "-v /a:/b:bogus img": "invalid mode: bogus",
  // What docker's client hands on, and its daemon refuses.
  "-v ~/a:/b img": "the shell replaces ~",
  "--restart always:2 img": "cannot be used with restart policy 'always'",
  "--ipc bogus img": "--ipc: invalid IPC mode",
  "--device vendor.com/gpu=0 img": "names a CDI device, which is not supported",
  "--security-opt bogus img": 'invalid --security-opt: "bogus"',
  "--security-opt systempaths=bad img": 'invalid --security-opt: "systempaths=bad"',
};

/** The parts of docker's configuration that a request has, by docker's names. */
function asDocker(made: ContainerRequest, byMount: boolean): RunCase {
  const { resources, mounts } = made;
  const { binds, places } = dockerVolumes(byMount ? [] : mounts);
  const tmpfs = mounts.filter((mount) => mount.type === "tmpfs");
  return {
    args: [],
    Config: {
      ...(made.command.length > 0 && { Cmd: made.command }),
      ...(made.entrypoint && { Entrypoint: made.entrypoint }),
      ...(made.environment.length > 0 && { Env: made.environment }),
      ...(Object.keys(made.labels).length > 0 && { Labels: made.labels }),
      ...(made.user && { User: made.user }),
      ...(made.workingDirectory && { WorkingDir: made.workingDirectory }),
      ...(made.hostname && { Hostname: made.hostname }),
      ...(made.domainname && { Domainname: made.domainname }),
      ...(made.terminal && { Tty: true }),
      ...(made.stopSignal && { StopSignal: made.stopSignal }),
      ...(made.health && { Healthcheck: healthAsDocker(made.health) }),
      ...(Object.keys(places).length > 0 && { Volumes: places }),
    },
    HostConfig: {
      ...(resources.memoryBytes && { Memory: resources.memoryBytes }),
      ...(resources.nanoCpus && { NanoCpus: resources.nanoCpus }),
      ...(resources.pids && { PidsLimit: resources.pids }),
      ...limitsAsDocker(resources),
      ...processAsDocker(made),
      ...(made.logDriver && { LogConfig: { Type: made.logDriver, Config: {} } }),
      ...(made.network !== "none" && { NetworkMode: made.network }),
      ...(made.readOnlyRoot && { ReadonlyRootfs: true }),
      ...(binds > 0 && { Binds: binds }),
      ...(byMount && { Mounts: mounts.map(dockerMount) }),
      ...(made.volumesFrom && { VolumesFrom: made.volumesFrom }),
      ...(tmpfs.length > 0 && {
        Tmpfs: Object.fromEntries(tmpfs.map((mount) => [mount.target, mount.options.join(",")])),
      }),
    },
  };
}

/** In nanoseconds. */
function healthAsDocker(health: NonNullable<ContainerRequest["health"]>) {
  const { test, intervalMs, timeoutMs, startPeriodMs, retries } = health;
  return {
    ...(test && { Test: test }),
    ...(intervalMs && { Interval: intervalMs * 1e6 }),
    ...(timeoutMs && { Timeout: timeoutMs * 1e6 }),
    ...(startPeriodMs && { StartPeriod: startPeriodMs * 1e6 }),
    ...(retries && { Retries: retries }),
  };
}

function processAsDocker(made: ContainerRequest): Record<string, unknown> {
  const { namespaces = {}, devices = [], limits = [], capabilities, dns } = made;
  const security = securityOptions(made);
  return {
    ...(security && { SecurityOpt: security }),
    ...(made.cgroupParent && { CgroupParent: made.cgroupParent }),
    ...(made.oomScoreAdj && { OomScoreAdj: made.oomScoreAdj }),
    ...(made.shmBytes && { ShmSize: made.shmBytes }),
    ...(made.extraHosts && { ExtraHosts: made.extraHosts }),
    ...(dns && dns.searches.length > 0 && { DnsSearch: dns.searches }),
    ...(capabilities && { CapAdd: capabilities.add }),
    ...(namespaces.pid && { PidMode: namespaces.pid }),
    ...(namespaces.ipc && { IpcMode: namespaces.ipc }),
    ...(namespaces.cgroup && { CgroupnsMode: namespaces.cgroup }),
    ...(made.restart && {
      RestartPolicy: {
        Name: made.restart.name,
        MaximumRetryCount: made.restart.maximumRetries ?? 0,
      },
    }),
    ...(made.sysctls && { Sysctls: made.sysctls }),
    ...(made.groups && { GroupAdd: made.groups }),
    ...(limits.length > 0 && {
      Ulimits: limits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
    }),
    ...(devices.length > 0 && {
      Devices: devices.map(({ source, target, access }) => ({
        ...{ CgroupPermissions: access, PathInContainer: target, PathOnHost: source },
      })),
    }),
  };
}

function limitsAsDocker(resources: ContainerRequest["resources"]): Record<string, unknown> {
  const { blkioWeightDevices = [], throttles = [] } = resources;
  const rates = throttles.map(({ path, rate }) => ({ Path: path, Rate: rate }));
  return {
    ...(resources.memorySwapBytes && { MemorySwap: resources.memorySwapBytes }),
    ...(resources.memorySwappiness !== undefined && {
      MemorySwappiness: resources.memorySwappiness,
    }),
    ...(resources.cpuShares && { CpuShares: resources.cpuShares }),
    ...(resources.cpusetCpus && { CpusetCpus: resources.cpusetCpus }),
    ...(resources.cpuRealtimeRuntimeUs && { CpuRealtimeRuntime: resources.cpuRealtimeRuntimeUs }),
    ...(blkioWeightDevices.length > 0 && {
      BlkioWeightDevice: blkioWeightDevices.map(({ path, weight }) => ({
        Path: path,
        Weight: weight,
      })),
    }),
    ...(rates.length > 0 && { BlkioDeviceReadBps: rates }),
  };
}

/** What differs by intent, made equal: names are resolved here, an unlimited limit is absent. */
function expected({ Config = {}, HostConfig = {} }: RunCase): RunCase {
  const config = { ...Config };
  // -1 is docker's way to say forever, which is a long time here.
  delete config.StopTimeout;
  if (JSON.stringify(config.Env) === '["A"]') config.Env = ["A=mine"];
  if (JSON.stringify(config.Entrypoint) === '[""]') config.Entrypoint = [];
  const hostConfig = { ...HostConfig };
  // The kernel counts its own memory with the container's: there is nothing to set.
  delete hostConfig.KernelMemory;
  if (Array.isArray(hostConfig.Binds)) hostConfig.Binds = hostConfig.Binds.length;
  if (Array.isArray(hostConfig.Mounts)) hostConfig.Mounts = hostConfig.Mounts.map(withoutEmpty);
  // Who writes it is the command line, once there is a container.
  delete hostConfig.ContainerIDFile;
  // Docker's client hands on what was typed, with = or with a colon.
  if (Array.isArray(hostConfig.SecurityOpt)) {
    hostConfig.SecurityOpt = hostConfig.SecurityOpt.map((word) =>
      word.replace(/^label:/, "label=").replace(/^no-new-privileges$/, "$&=true"),
    );
  }
  // It is kept with each volume that it is to make.
  delete hostConfig.VolumeDriver;
  return { args: [], Config: config, HostConfig: hostConfig };
}

it.each(casesOf("attach"))("takes $input for a stream as docker does", (fact) => {
  expect(outcomeOf(fact.input, parseStreamName)).toEqual(fact);
});

it.each(casesOf("filter"))("takes $input for a filter as docker does", (fact) => {
  const [key, value] = parseFilter(fact.input);
  expect({ [key]: { [value]: true } }).toEqual(fact.value);
});

describe("addresses and names on a network", () => {
  it.each([
    ["--ip", "10.0.0.2"],
    ["--ip6", "fe80::2"],
    ["--link", "db:alias"],
    ["--link-local-ip", "169.254.3.4"],
    ["--mac-address", "02:42:ac:11:00:02"],
    ["--network-alias", "web"],
    ["--net-alias", "web"],
  ])("are refused with the network: %s", (option, given) => {
    const said = `--${option.slice(2).replace("net-", "network-")} ${given}: the network host has no such`;
    expect(() => request("--network", "host", option, given, "img")).toThrow(said);
  });
});

describe("ports that a container says it serves", () => {
  it("are single ones and ranges, of three protocols, each once", () => {
    const words = ["--expose", "80", "--expose=80/tcp", "--expose", "8000-8002/udp", "img"];
    expect(request(...words).exposedPorts).toEqual([
      ...["80/tcp", "8000/udp", "8001/udp", "8002/udp"],
    ]);
    expect(request("img").exposedPorts).toBeUndefined();
  });

  it.each(["", "x", "80:80", "70000", "9-8", "1-2-3", "80/tcp/udp", "-1", "80/icmp"])(
    "are not %j",
    (word) => {
      expect(() => request("--expose", word, "img")).toThrow(/invalid (range format|protocol)/);
    },
  );
});

describe("the flags that docker's commands have and ours shall have", () => {
  const longs = async (command: string) => {
    const { options } = (await findEntry(command.split(" "))!.entry.load()).default;
    const all = Object.values(options) as { readonly long: string; readonly alias?: string }[];
    return all.flatMap(({ long, alias }) => (alias === undefined ? [long] : [long, alias]));
  };
  const LIMITS = [
    ...["memory", "memory-reservation", "memory-swap", "memory-swappiness", "oom-kill-disable"],
    ...["kernel-memory", "cpus", "cpu-shares", "cpu-period", "cpu-quota", "cpu-rt-period"],
    ...["cpu-rt-runtime", "cpuset-cpus", "cpuset-mems", "pids-limit", "blkio-weight"],
    ...["blkio-weight-device", "device-read-bps", "device-read-iops", "device-write-bps"],
    ...["device-write-iops", "device-cgroup-rule"],
  ];
  const MAKE = [
    ...[
      "annotation",
      "gpus",
      "name",
      "hostname",
      "domainname",
      "env",
      "env-file",
      "label",
      "label-file",
      "user",
    ],
    ...["workdir", "entrypoint", "tty", "interactive", "attach", "init", "rm", "cidfile", "pull"],
    ...["platform", "quiet", "read-only", "tmpfs", "mount", "volume", "volumes-from"],
    ...["volume-driver", "shm-size", "device", "group-add", "sysctl", "ulimit", "oom-score-adj"],
    ...["pid", "ipc", "uts", "cgroupns", "cgroup-parent", "add-host", "dns", "dns-option"],
    ...["dns-opt", "dns-search", "stop-signal", "stop-timeout", "log-driver", "log-opt"],
    ...["storage-opt", "restart", "health-cmd", "health-interval", "health-timeout"],
    ...["health-retries", "health-start-period", "no-healthcheck", "cap-add", "cap-drop"],
    ...["privileged", "security-opt", "network", "net", "runtime", "publish", "publish-all"],
    ...LIMITS,
  ];
  it.each<[string, readonly string[]]>([
    ["run", [...MAKE, "detach", "detach-keys", "sig-proxy"]],
    ["create", MAKE],
    ["start", ["attach", "interactive", "detach-keys"]],
    ["attach", ["detach-keys", "no-stdin", "sig-proxy"]],
    [
      "exec",
      [
        ...["detach", "detach-keys", "env", "env-file", "interactive", "privileged", "tty"],
        ...["user", "workdir"],
      ],
    ],
    ["stop", ["time", "signal"]],
    ["restart", ["time", "signal"]],
    ["kill", ["signal"]],
    ["rm", ["force", "volumes"]],
    ["wait", ["condition"]],
    ["ps", ["all", "quiet", "filter", "format", "last", "latest", "size", "no-trunc"]],
    ["inspect", ["format", "size", "type"]],
    ["logs", ["details", "follow", "since", "until", "tail", "timestamps"]],
    ["stats", ["all", "no-stream", "format", "no-trunc"]],
    ["events", ["since", "until", "filter", "format"]],
    ["cp", ["archive", "follow-link", "quiet"]],
    ["commit", ["author", "change", "message", "pause"]],
    ["export", ["output"]],
    ["import", ["change", "message", "platform"]],
    ["container prune", ["force", "filter"]],
    ["volume create", ["driver", "label", "opt"]],
    ["volume ls", ["filter", "format", "quiet"]],
    ["volume rm", ["force"]],
    ["volume prune", ["all", "filter", "force"]],
    ["system df", ["format", "verbose"]],
    [
      "update",
      [
        ...["memory", "memory-reservation", "memory-swap", "cpus", "cpu-shares", "cpu-period"],
        ...["cpu-quota", "cpu-rt-period", "cpu-rt-runtime", "cpuset-cpus", "cpuset-mems"],
        ...["pids-limit", "blkio-weight", "restart"],
      ],
    ],
  ])("are there: %s", async (command, wanted) => {
    const there = await longs(command);
    expect(wanted.filter((name) => !there.includes(name))).toEqual([]);
  });
});

it("waits as long as one likes, or forever, before a stop kills", () => {
  expect(request("--stop-timeout", "3", "img").stopTimeoutMs).toBe(3000);
  expect(request("--stop-timeout", "-1", "img").stopTimeoutMs).toBeGreaterThan(1e9);
});

describe("the options of run", () => {
  // `name=…` asks for networks of one's own, which the engine answers for.
  const cases = RUN_CASES.filter(({ args }) => !args.some((word) => word.startsWith("name=")));

  it.each(cases.map((fact) => [fact.args.join(" "), fact] as const))(
    "reads '%s' as docker does",
    (line, fact) => {
      const refusal = REFUSED[line] ?? fact.error;
      if (refusal !== undefined) expect(() => request(...fact.args)).toThrow(refusal);
      else {
        const byMount = fact.args.includes("--mount");
        expect(asDocker(request(...fact.args), byMount)).toEqual(expected(fact));
      }
    },
  );

  it("says plainly what was not asked for", () => {
    expect(request("img")).toEqual({
      image: "img",
      command: [],
      environment: [],
      terminal: false,
      interactive: false,
      detached: false,
      autoRemove: false,
      readOnlyRoot: false,
      mounts: [],
      network: "none",
      resources: {},
      labels: {},
      pull: "missing",
    });
  });

  it("combines flags as people type them", () => {
    expect(request("--rm", "-it", "--name", "x", "debian", "bash", "-l")).toMatchObject({
      autoRemove: true,
      interactive: true,
      terminal: true,
      name: "x",
      image: "debian",
      command: ["bash", "-l"],
    });
  });

  it("takes a platform by its parts, as podman does, and content trust as it is", () => {
    expect(request("--arch", "arm", "--variant", "v7", "img").platform).toBe("linux/arm/v7");
    expect(request("--disable-content-trust", "img").platform).toBeUndefined();
    expect(() => request("--arch", "arm", "--platform", "linux/arm", "img")).toThrow("with --arch");
    expect(() => request("--variant", "v7", "img")).toThrow("need an --arch");
    expect(() => request("--disable-content-trust=false", "img")).toThrow("not verified here");
  });

  it("gives a read-only root memory where podman does, if that is asked for", () => {
    const words = ["--read-only", "--read-only-tmpfs", "-v", "/a:/tmp/", "img"];
    expect(request(...words).mounts.map(({ target }) => target)).toEqual([
      ...["/tmp/", "/run", "/var/tmp"],
    ]);
    expect(request("--read-only", "img").mounts).toEqual([]);
    expect(request("--read-only-tmpfs", "img").mounts).toEqual([]);
  });

  it("takes files of cgroup v2 with their values, as podman does", () => {
    const words = ["--cgroup-conf", "memory.high=1024", "--cgroup-conf", "io.weight=a=b", "img"];
    const unified = { "memory.high": "1024", "io.weight": "a=b" };
    expect(request(...words).resources).toEqual({ unified });
    expect(() => request("--cgroup-conf", "memory.high", "img")).toThrow("a file and its value");
  });

  it("refuses two mounts at one place, whichever options they come from", () => {
    expect(() => request("-v", "/a:/x", "--mount", "type=tmpfs,dst=/x/", "img")).toThrow(
      "duplicate mount point: /x/",
    );
  });

  it("asks the driver that was named for volumes that are new, and leaves binds alone", () => {
    const { mounts } = request("--volume-driver", "d", "-v", "vol:/x", "-v", "/a:/y", "img");
    expect(mounts).toEqual([
      expect.objectContaining({ type: "volume", driver: "d" }),
      expect.not.objectContaining({ driver: "d" }),
    ]);
  });

  it("says why no port is published, and leaves out what is there already", () => {
    expect(() => request("-p", "80:80", "img")).toThrow("no port can be published");
    expect(() => request("-P", "--network", "none", "img")).toThrow("no address but on its own lo");
    expect(request("-p", "80", "--network", "host", "img").network).toBe("host");
  });

  it("says why a storage layer has no limit, and what has", () => {
    expect(() => request("--storage-opt", "size=1g", "img")).toThrow("project quotas");
    expect(() => request("--storage-opt", "colour=red", "img")).toThrow("unknown storage option");
  });
});
