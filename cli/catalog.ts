// Every command by name: enough for the list in `nacre --help`, and where the rest is.

import type { Entry } from "./catalog-entry.ts";
import { IMAGE_COMMANDS } from "./catalog-images.ts";
import { SECRET_COMMANDS } from "./catalog-secrets.ts";
import { VOLUME_COMMANDS } from "./catalog-volumes.ts";

/** In the order of the help. An empty group is not shown. */
export const CATALOG: readonly Entry[] = [
  {
    name: "run",
    aliases: ["container run"],
    summary: "Create and run a new container from an image",
    group: "Containers",
    load: () => import("./commands/run.ts"),
  },
  {
    name: "create",
    aliases: ["container create"],
    summary: "Create a container without starting it",
    group: "Containers",
    load: () => import("./commands/create.ts"),
  },
  {
    name: "start",
    aliases: ["container start"],
    summary: "Start one or more containers that are at rest",
    group: "Containers",
    load: () => import("./commands/start.ts"),
  },
  {
    name: "exec",
    aliases: ["container exec"],
    summary: "Execute a command in a running container",
    group: "Containers",
    load: () => import("./commands/exec.ts"),
  },
  {
    name: "ps",
    aliases: ["container ls", "container list", "container ps"],
    summary: "List containers",
    group: "Containers",
    load: () => import("./commands/ps.ts"),
  },
  {
    name: "top",
    aliases: ["container top"],
    summary: "Show the processes of a container",
    group: "Containers",
    load: () => import("./commands/top.ts"),
  },
  {
    name: "stats",
    aliases: ["container stats"],
    summary: "Show what running containers use, as it changes",
    group: "Containers",
    load: () => import("./commands/stats.ts"),
  },
  {
    name: "port",
    aliases: ["container port"],
    summary: "Show which ports of this machine lead to a container",
    group: "Containers",
    load: () => import("./commands/port.ts"),
  },
  {
    name: "attach",
    aliases: ["container attach"],
    summary: "See and feed a container that runs in the background",
    group: "Containers",
    load: () => import("./commands/attach.ts"),
  },
  {
    name: "logs",
    aliases: ["container logs"],
    summary: "Fetch the logs of a container",
    group: "Containers",
    load: () => import("./commands/logs.ts"),
  },
  {
    name: "stop",
    aliases: ["container stop"],
    summary: "Stop one or more running containers",
    group: "Containers",
    load: () => import("./commands/stop.ts"),
  },
  {
    name: "restart",
    aliases: ["container restart"],
    summary: "Stop one or more containers and start them again",
    group: "Containers",
    load: () => import("./commands/restart.ts"),
  },
  {
    name: "pause",
    aliases: ["container pause"],
    summary: "Hold all processes of one or more containers",
    group: "Containers",
    load: () => import("./commands/pause.ts"),
  },
  {
    name: "unpause",
    aliases: ["container unpause"],
    summary: "Let the processes of one or more containers go on",
    group: "Containers",
    load: () => import("./commands/unpause.ts"),
  },
  {
    name: "wait",
    aliases: ["container wait"],
    summary: "Wait until one or more containers have ended, and print their exit codes",
    group: "Containers",
    load: () => import("./commands/wait.ts"),
  },
  {
    name: "kill",
    aliases: ["container kill"],
    summary: "Send a signal to one or more running containers",
    group: "Containers",
    load: () => import("./commands/kill.ts"),
  },
  {
    name: "rm",
    aliases: ["container rm", "container remove"],
    summary: "Remove one or more containers",
    group: "Containers",
    load: () => import("./commands/rm.ts"),
  },
  {
    name: "update",
    aliases: ["container update"],
    summary: "Change the limits of one or more containers",
    group: "Containers",
    load: () => import("./commands/update.ts"),
  },
  {
    name: "rename",
    aliases: ["container rename"],
    summary: "Give a container another name",
    group: "Containers",
    load: () => import("./commands/rename.ts"),
  },
  {
    name: "cp",
    aliases: ["container cp"],
    summary: "Copy files between a container and this machine",
    group: "Containers",
    load: () => import("./commands/cp.ts"),
  },
  {
    name: "diff",
    aliases: ["container diff"],
    summary: "Show what a container has changed in its root",
    group: "Containers",
    load: () => import("./commands/diff.ts"),
  },
  {
    name: "export",
    aliases: ["container export"],
    summary: "Write a container's root as a tar",
    group: "Containers",
    load: () => import("./commands/export.ts"),
  },
  {
    name: "commit",
    aliases: ["container commit"],
    summary: "Make an image of a container and its changes",
    group: "Containers",
    load: () => import("./commands/commit.ts"),
  },
  {
    name: "inspect",
    summary: "Show everything about containers and images, as JSON",
    group: "Containers",
    load: () => import("./commands/inspect.ts"),
  },
  {
    name: "explain run",
    summary: "Show the kernel operations that a run would be, without running it",
    group: "Containers",
    load: () => import("./commands/explain.ts"),
  },
  ...IMAGE_COMMANDS,
  {
    name: "container exists",
    summary: "Tell by the exit code whether there is a container",
    group: "Containers",
    load: () => import("./commands/container-exists.ts"),
  },
  {
    name: "healthcheck run",
    summary: "Check the health of a container now",
    group: "Containers",
    load: () => import("./commands/healthcheck-run.ts"),
  },
  {
    name: "container inspect",
    summary: "Show everything about containers alone, as JSON",
    group: "Containers",
    load: () => import("./commands/container-inspect.ts"),
  },
  {
    name: "container prune",
    summary: "Remove all containers that do not run",
    group: "Containers",
    load: () => import("./commands/container-prune.ts"),
  },
  ...VOLUME_COMMANDS,
  ...SECRET_COMMANDS,
  {
    name: "cgroup tree",
    aliases: ["cgroup ls"],
    summary: "Show the cgroup hierarchies and what limits hold in them",
    group: "Kernel",
    load: () => import("./commands/cgroup-tree.ts"),
  },
  {
    name: "cgroup css-sets",
    summary: "Show which processes share one combination of cgroups",
    group: "Kernel",
    load: () => import("./commands/cgroup-css-sets.ts"),
  },
  {
    name: "cgroup mount",
    summary: "Mount a cgroup hierarchy, or give one other controllers",
    group: "Kernel",
    load: () => import("./commands/cgroup-mount.ts"),
  },
  {
    name: "cgroup umount",
    aliases: ["cgroup unmount"],
    summary: "Unmount a cgroup hierarchy",
    group: "Kernel",
    load: () => import("./commands/cgroup-umount.ts"),
  },
  {
    name: "ns ls",
    aliases: ["ns list"],
    summary: "Show namespaces, who is in them, and what keeps each alive",
    group: "Kernel",
    load: () => import("./commands/ns-ls.ts"),
  },
  {
    name: "ns pin",
    summary: "Keep namespaces alive by a name",
    group: "Kernel",
    load: () => import("./commands/ns-pin.ts"),
  },
  {
    name: "ns unpin",
    summary: "Let go of namespaces that were pinned",
    group: "Kernel",
    load: () => import("./commands/ns-unpin.ts"),
  },
  {
    name: "ns exec",
    summary: "Run a command in namespaces of a pin, a container, or a process",
    group: "Kernel",
    load: () => import("./commands/ns-exec.ts"),
  },
  {
    name: "events",
    aliases: ["system events"],
    summary: "Show what happens to containers and images, as it happens",
    group: "System",
    load: () => import("./commands/events.ts"),
  },
  {
    name: "info",
    aliases: ["system info"],
    summary: "Show what this machine can do and what is on it",
    group: "System",
    load: () => import("./commands/info.ts"),
  },
  {
    name: "version",
    summary: "Show the version",
    group: "System",
    load: () => import("./commands/version.ts"),
  },
  {
    name: "system df",
    summary: "Show what is on the disk, and how much of it nothing needs",
    group: "System",
    load: () => import("./commands/system-df.ts"),
  },
  {
    name: "system check",
    summary: "Hold the store against its records, and mend it",
    group: "System",
    load: () => import("./commands/system-check.ts"),
  },
  {
    name: "system prune",
    summary: "Remove what nothing needs",
    group: "System",
    load: () => import("./commands/prune.ts"),
  },
  {
    name: "plugin ls",
    aliases: ["plugin list"],
    summary: "List plugins and what they provide",
    group: "System",
    load: () => import("./commands/plugin-ls.ts"),
  },
  {
    name: "plugin inspect",
    summary: "Show everything about plugins, as JSON",
    group: "System",
    load: () => import("./commands/plugin-inspect.ts"),
  },
  {
    name: "system boot",
    summary: "Start the containers that start with the machine",
    group: "System",
    load: () => import("./commands/boot.ts"),
  },
  {
    name: "system boot-unit",
    summary: "Print a systemd unit that does so at every boot",
    group: "System",
    load: () => import("./commands/boot-unit.ts"),
  },
  {
    name: "unshare",
    summary: "Execute a program where the containers of a user are who is not root",
    group: "System",
    load: () => import("./commands/unshare.ts"),
  },
  {
    name: "completion",
    summary: "Print a completion script for bash, zsh or fish",
    group: "System",
    load: () => import("./commands/completion.ts"),
  },
  {
    name: "settle",
    summary: "Record a container's end; its supervisor calls this",
    group: "",
    load: () => import("./commands/settle.ts"),
  },
  {
    name: "health",
    summary: "Check a container's health; what waits for it calls this",
    group: "",
    load: () => import("./commands/health.ts"),
  },
  {
    name: "oci",
    summary: "Be the OCI runtime of podman, containerd and docker",
    group: "System",
    load: () => import("./commands/oci.ts"),
  },
  {
    name: "__complete",
    summary: "Offer completions for the words so far",
    group: "",
    load: () => import("./commands/complete.ts"),
  },
];

/** The entry that `words` begin with, and how many words its name took. */
export function findEntry(
  words: readonly string[],
): { readonly entry: Entry; readonly length: number } | undefined {
  for (const length of [2, 1]) {
    if (words.length < length) continue;
    const name = words.slice(0, length).join(" ");
    const entry = CATALOG.find((each) => each.name === name || each.aliases?.includes(name));
    if (entry) return { entry, length };
  }
  return undefined;
}

/** First words that only lead to others: `image`, `container`, `system`. */
export function isGroup(word: string): boolean {
  const beginning = `${word} `;
  return CATALOG.some((entry) =>
    [entry.name, ...(entry.aliases ?? [])].some((name) => name.startsWith(beginning)),
  );
}
