// Escapes by what a process is and may do.

import { createServer } from "node:net";
import { capabilityMask, DEFAULT_CAPABILITIES } from "@nacre/core/program/capabilities.ts";
import { changed, type Escape, replaced, without } from "./escape.ts";

const USUAL = capabilityMask(DEFAULT_CAPABILITIES);
const POWERS = new Set(["boundCapabilities", "setCapabilities", "filterSystemCalls"]);

const inheritable = replaced((o) =>
  o.op === "setCapabilities" ? { ...o, inheritable: USUAL } : o,
);
const inherits = (output: string): boolean => !/^CapInh:\s+0{16}$/m.test(output);
const STATUS = "cat /proc/self/status";

export const PROCESSES: readonly Escape[] = [
  {
    ids: ["CVE-2022-24769", "CVE-2022-27649", "CVE-2022-27651"],
    shape: "inheritable capabilities are not empty, so that files with capabilities give more",
    protection: "setCapabilities with an empty inheritable set",
    attempt: async (world) => inherits((await world.run(STATUS)).output),
    without: inheritable,
  },
  {
    ids: ["CVE-2022-29162", "CVE-2022-27650"],
    shape: "the same in a process that joins a container",
    protection: "setCapabilities of exec, likewise",
    attempt: async (world) => {
      const id = await world.background("sleep 60");
      return inherits((await world.exec(id, STATUS)).output);
    },
    without: inheritable,
  },
  {
    ids: ["CVE-2018-10856"],
    shape: "a user other than root has capabilities",
    protection: "setCapabilities with empty sets for other users",
    attempt: async (world) => {
      const { output } = await world.run(STATUS, { user: "1000" });
      return !/^CapEff:\s+0{16}$/m.test(output);
    },
    without: replaced((o) =>
      o.op === "setCapabilities"
        ? { ...o, effective: USUAL, permitted: USUAL, inheritable: USUAL, ambient: USUAL }
        : o,
    ),
  },
  {
    ids: ["CVE-2022-2989", "CVE-2022-2990", "CVE-2022-2995", "CVE-2022-36109", "CVE-2023-25173"],
    shape: "a process leaves its first group, and with it what that group must not",
    protection: "the first group is among the others, which setUser sets",
    attempt: async (world) => {
      const { output } = await world.run(STATUS, { user: "1000:1000" });
      return !/^Groups:\s+1000\b/m.test(output);
    },
    without: replaced((o) => (o.op === "setUser" ? { ...o, groups: [] } : o)),
  },
  {
    ids: ["CVE-2016-3697"],
    shape: "a number given as user is looked up as a name, which the image has for root",
    protection: "a number is a number: the uid of setUser",
    attempt: async (world) => {
      const passwd = "root:x:0:0::/:/bin/sh\n1000:x:0:0::/:/bin/sh\n";
      const image = await world.image([{ name: "etc/passwd", content: passwd }]);
      const { output } = await world.run("probe user", { image, user: "1000" });
      return output.startsWith("0 ");
    },
    without: replaced((o) => (o.op === "setUser" ? { ...o, uid: 0 } : o)),
  },
  {
    ids: [],
    shape: "a setuid program gives root, though no new privileges were asked for",
    protection: "noNewPrivileges",
    attempt: async (world) => {
      const { output } = await world.run("setuid-probe user", {
        user: "1000",
        noNewPrivileges: true,
      });
      return output === "1000 0\n";
    },
    // Without it the filter would have to be put on by whoever may administrate.
    without: without(({ op }) => op === "noNewPrivileges" || op === "filterSystemCalls"),
  },
  {
    ids: ["CVE-2022-0492"],
    shape: "root of a container mounts a cgroup hierarchy and sets its release_agent",
    protection: "boundCapabilities, setCapabilities and filterSystemCalls",
    attempt: async (world) => {
      const line =
        "mkdir /tmp/c; mount -t cgroup -o pids x /tmp/c || mount -t cgroup2 x /tmp/c; ls /tmp/c";
      return (await world.run(line)).output.includes("cgroup.procs");
    },
    without: without(({ op }) => POWERS.has(op)),
  },
  {
    ids: ["CVE-2022-0492"],
    shape: "the same by a user namespace of its own; keys, io_uring and vsock beside it",
    protection: "filterSystemCalls",
    attempt: async (world) => {
      const { output } = await world.run("probe calls");
      return output.split("\n").filter((line) => line.endsWith(" done")).length > 1;
    },
    without: without(({ op }) => op === "filterSystemCalls"),
  },
  {
    ids: ["CVE-2020-15257"],
    shape: "an abstract unix socket of the machine is reached from a container",
    protection: "a network namespace of its own",
    attempt: async (world) => {
      const name = `nacre-escape-${process.pid}`;
      const server = createServer((socket) => socket.destroy());
      await new Promise<void>((resolve) => server.listen(`\0${name}`, resolve));
      try {
        return (await world.run(`probe abstract ${name}`)).output === "connect done\n";
      } finally {
        server.close();
      }
    },
    without: {
      program: changed(({ clone, child }) => ({
        clone: { ...clone, create: clone.create.filter((kind) => kind !== "net") },
        child: child.filter(({ op }) => op !== "linkUp"),
      })),
    },
  },
  {
    ids: [],
    shape: "a process of the machine is seen and could be killed",
    protection: "a pid namespace of its own",
    attempt: async (world) =>
      (await world.run(`kill -0 ${process.pid} && echo there`)).output === "there\n",
    without: {
      program: changed(({ clone }) => ({
        clone: { ...clone, create: clone.create.filter((kind) => kind !== "pid") },
      })),
    },
  },
  {
    ids: ["CVE-2024-21626", "CVE-2015-3627"],
    shape: "a descriptor of a directory of the machine leaks into the container",
    protection: "close_range(2) before execve(2), and O_CLOEXEC on each",
    attempt: async (world) =>
      (await world.run("", { command: ["probe", "descriptors"] })).output !== "",
    without: {
      source: [
        ["execute.c", "if (k_close_range(", "if (0 && k_close_range("],
        [
          "process.c",
          '"/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC',
          '"/proc/self", O_PATH | O_DIRECTORY',
        ],
      ],
    },
  },
  {
    ids: ["CVE-2019-5736"],
    shape: "a container opens the binary of who joins it by /proc/PID/exe, and writes to it",
    protection: "nacre-init executes itself anew from a read-only mount before it joins",
    attempt: async (world) => {
      const id = await world.background("probe catch >/tmp/caught; sleep 60", { privileged: true });
      for (let i = 0; i < 200; i++) {
        const { output } = await world.exec(id, "cat /tmp/caught");
        if (output.includes("caught")) return output.includes("writable");
      }
      throw new Error("it never caught one: this says nothing");
    },
    without: { source: [["main.c", "|| !*argv[0]) return 0;", "|| 1) return 0;"]] },
  },
  {
    ids: ["CVE-2016-9962"],
    shape: "a process of the container takes hold of who joins it, with all that it has open",
    protection: "who joins has more powers than the container, and is not dumpable: ptrace(2)",
    attempt: async (world) => {
      const id = await world.background("probe catch >/tmp/caught; sleep 60");
      for (let i = 0; i < 40; i++) {
        const { output } = await world.exec(id, "cat /tmp/caught");
        if (output.includes("caught")) return true;
      }
      return false;
    },
    without: without(({ op }) => POWERS.has(op)),
  },
  {
    ids: ["CVE-2021-43784"],
    shape: "a value of more than 64 KiB is cut, and what follows is read as something else",
    protection: "lengths of 32 bits, each checked against what is left of the message",
    attempt: async (world) => {
      const value = `${"x".repeat(70_000)}end`;
      const request = { environment: [`LONG=${value}`] };
      const { output } = await world.run(`echo "\${#LONG} \${LONG##*x}"`, request);
      return output !== `${value.length} end\n`;
    },
    without: {
      source: [["program.c", "uint32_t size = to->size;", "uint32_t size = (uint16_t)to->size;"]],
    },
  },
];
