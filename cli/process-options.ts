// The options that say what a container's process is, may do and sees of the machine.

import type { ContainerRequest } from "@nacre/core/program/request.ts";
import { parseIdMapping } from "@nacre/core/user-namespace/id-map.ts";
import { ACCOUNT_OPTIONS, accountsOf } from "./account-options.ts";
import { FlagError } from "./flag-error.ts";
import type { Host } from "./host.ts";
import { PROCESS_LIMITS } from "./limit-options.ts";
import { alsoNamed, choice, flag, list, text, type Values, value } from "./options.ts";
import { parseMemoryLimit } from "./parse/bytes.ts";
import { parseDevice } from "./parse/device.ts";
import { parseAddress, parseExtraHost, parseSearchDomain } from "./parse/host-names.ts";
import { parseInteger } from "./parse/number.ts";
import { parseRestartPolicy } from "./parse/restart.ts";
import { present, unlessEmpty } from "./resource-options.ts";
import { securityOf } from "./security-options.ts";
import { timeoutMsOf } from "./stop-timeout.ts";

export const PROCESS_OPTIONS = {
  ...PROCESS_LIMITS,
  ...ACCOUNT_OPTIONS,
  addHost: list(["add-host"], "name:ip", "A line more in /etc/hosts", parseExtraHost),
  capAdd: list(["cap-add"], "capability", "Add a power of root, or ALL", String),
  capDrop: list(["cap-drop"], "capability", "Take a power of root away, or ALL", String),
  cgroupns: text(["cgroupns"], "host|private", "Cgroup namespace", ["host", "private"]),
  device: list(
    ["device"],
    "path[:path[:rwm]]",
    "A device of this machine for the container, or a directory of them",
    parseDevice,
    "files",
  ),
  dns: list(["dns"], "ip", "A name server, instead of the network's", parseAddress),
  dnsOption: alsoNamed(
    "dns-opt",
    list(["dns-option"], "option", "An option of resolv.conf", String),
  ),
  dnsSearch: list(["dns-search"], "domain", "A search domain (. for none)", parseSearchDomain),
  domainname: text(["domainname"], "string", "The container's NIS domain name"),
  groupAdd: list(["group-add"], "group", "One more group, by name or number", String),
  init: flag(["init"], "Process 1 hands signals on and reaps; the command is its child"),
  ipc: text(["ipc"], "mode", "IPC namespace: host, private, shareable, none, container:NAME", [
    ...["host", "private", "shareable", "none"],
  ]),
  noHosts: flag(["no-hosts"], "Leave /etc/hosts as the image has it"),
  oomScoreAdj: value(
    ["oom-score-adj"],
    "int",
    "How soon the kernel's OOM killer takes it, -1000 to 1000",
    parseInteger,
  ),
  pid: text(["pid"], "mode", "Pid namespace: host, private, container:NAME", ["host", "private"]),
  privileged: flag(["privileged"], "All powers and devices: no protection from what runs in it"),
  restart: value(
    ["restart"],
    "policy",
    "When to start it again: no, on-failure[:n], always, unless-stopped",
    parseRestartPolicy,
    ["no", "on-failure", "always", "unless-stopped"],
  ),
  shmSize: value(["shm-size"], "bytes", "Size of /dev/shm (default 64m)", parseMemoryLimit),
  stopSignal: text(["stop-signal"], "signal", "What stop sends, instead of the image's"),
  stopTimeout: value(
    ["stop-timeout"],
    "seconds",
    "What stop waits before SIGKILL (default 10)",
    parseInteger,
  ),
  sysctl: list(["sysctl"], "name=value", "A kernel parameter of its own namespaces", parseSysctl),
  systemd: choice(
    ["systemd"],
    ["true", "false", "always"],
    "Be at home for systemd: true if the command is systemd or an init, always (default false)",
  ),
  timeout: value(
    ["timeout"],
    "seconds",
    "Kill it when it has run so long: it ends with 255 (0: never)",
    parseInteger,
  ),
  tz: text(["tz"], "zone", "Time zone, such as Europe/Berlin; local: this machine's", ["local"]),
  umask: value(["umask"], "octal", "Bits that its new files do not get (default 0022)", parseUmask),
  gidmap: list(
    ["gidmap"],
    "container:host:size",
    "Groups of the container's user namespace",
    (word) => parseIdMapping(word, "--gidmap"),
  ),
  subgidname: text(["subgidname"], "name", "Have this user's range of /etc/subgid"),
  subuidname: text(["subuidname"], "name", "Have this user's range of /etc/subuid"),
  uidmap: list(
    ["uidmap"],
    "container:host:size",
    "Users of the container's user namespace",
    (word) => parseIdMapping(word, "--uidmap"),
  ),
  userns: text(
    ["userns"],
    "mode",
    "User namespace: host, private, auto[:size=N], container:NAME, ns:PATH; without root keep-id[:uid=N,gid=N], nomap",
    ["host", "private", "auto", "keep-id", "nomap"],
  ),
  uts: text(["uts"], "mode", "UTS namespace: host, private, container:NAME", ["host", "private"]),
};

function parseUmask(word: string): number {
  if (/^0?[0-7]{1,3}$/.test(word)) return Number.parseInt(word, 8);
  throw new FlagError("an octal number from 0 to 0777 is needed");
}

function parseSysctl(word: string): readonly [name: string, value: string] {
  const at = word.indexOf("=");
  if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
  throw new FlagError(`sysctl '${word}' is not allowed: name=value is needed`);
}

function namesOf({ dns, dnsOption, dnsSearch }: Values<typeof PROCESS_OPTIONS>) {
  if (dns.length + dnsOption.length + dnsSearch.length === 0) return undefined;
  return { servers: dns, searches: dnsSearch, options: dnsOption };
}

function idMapsOf(values: Values<typeof PROCESS_OPTIONS>) {
  const { uidmap, gidmap, subuidname, subgidname } = values;
  const maps = present({
    uids: unlessEmpty(uidmap),
    gids: unlessEmpty(gidmap),
    subuidName: subuidname || undefined,
    subgidName: subgidname || undefined,
  });
  return Object.keys(maps).length > 0 ? maps : undefined;
}

function systemdOf(given: "true" | "false" | "always" | undefined) {
  if (given === undefined || given === "false") return undefined;
  return given === "always" ? ("always" as const) : ("detect" as const);
}

/** The part of a request that was asked for. @throws FlagError */
export function processOf(
  values: Values<typeof PROCESS_OPTIONS>,
  host: Pick<Host, "readText">,
): Partial<ContainerRequest> {
  const { capAdd, capDrop, cgroupns, ipc, pid, uts } = values;
  const namespaces = present({
    pid: pid || undefined,
    ipc: ipc || undefined,
    uts: uts || undefined,
    cgroup: cgroupns || undefined,
  });
  const capabilities = { add: capAdd, drop: capDrop };
  return present({
    cgroupParent: values.cgroupParent || undefined,
    domainname: values.domainname,
    groups: unlessEmpty(values.groupAdd),
    devices: unlessEmpty(values.device),
    limits: unlessEmpty(values.ulimit),
    namespaces: Object.keys(namespaces).length > 0 ? namespaces : undefined,
    userns: values.userns || undefined,
    idMaps: idMapsOf(values),
    accounts: accountsOf(values),
    sysctls: values.sysctl.length > 0 ? Object.fromEntries(values.sysctl) : undefined,
    oomScoreAdj: values.oomScoreAdj,
    umask: values.umask,
    extraHosts: unlessEmpty(values.addHost),
    dns: namesOf(values),
    imageHosts: values.noHosts || undefined,
    timeZone: values.tz || undefined,
    timeoutMs: values.timeout ? values.timeout * 1000 : undefined,
    shmBytes: values.shmSize || undefined,
    restart: values.restart?.name === "no" ? undefined : values.restart,
    stopSignal: values.stopSignal || undefined,
    stopTimeoutMs: timeoutMsOf(values.stopTimeout).timeoutMs,
    capabilities: capAdd.length + capDrop.length > 0 ? capabilities : undefined,
    init: values.init || undefined,
    systemd: systemdOf(values.systemd),
    privileged: values.privileged || undefined,
    ...securityOf(values.securityOpt, host),
  });
}
