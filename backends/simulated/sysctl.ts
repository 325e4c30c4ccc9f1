// /proc/sys: values of the machine, and those that a namespace has for itself.

import { fail } from "./errno.ts";
import { FixedDirectory, GeneratedFile, LateDirectory } from "./generated.ts";
import type { Inode, Superblock } from "./inode.ts";
import type { Machine } from "./machine.ts";

/** Of the whole machine. */
const MACHINE: Readonly<Record<string, string>> = {
  "kernel/pid_max": "4194304",
  "kernel/cap_last_cap": "40",
  "vm/swappiness": "60",
  "vm/overcommit_memory": "0",
  "fs/file-max": "9223372036854775807",
};
const NETWORK: Readonly<Record<string, string>> = {
  "net/ipv4/ip_unprivileged_port_start": "1024",
  "net/ipv4/ip_forward": "0",
  "net/ipv4/ping_group_range": "1\t0",
  "net/core/somaxconn": "4096",
};
const IPC: Readonly<Record<string, string>> = {
  "kernel/msgmax": "8192",
  "kernel/shmmax": "18446744073692774399",
  "kernel/sem": "32000\t1024000000\t500\t32000",
  "fs/mqueue/msg_max": "10",
};

/** /proc/sys, which every container mounts and hardly any looks into. */
export const sysctlDirectory = (superblock: Superblock, machine: Machine): Inode =>
  new LateDirectory(superblock, () => makeSysctl(superblock, machine));

/** A tree of files over values that are looked up for whoever reads or writes. */
function makeSysctl(superblock: Superblock, machine: Machine): FixedDirectory {
  const top = new FixedDirectory(superblock);
  const add = (name: string, read: () => string, write: (text: string) => void): void => {
    const slash = name.lastIndexOf("/");
    const file = new GeneratedFile(superblock, 0o644, { read: () => `${read()}\n`, write });
    top.directory(name.slice(0, slash)).entries.set(name.slice(slash + 1), file);
  };
  const store = (
    defaults: Readonly<Record<string, string>>,
    of: () => Map<string, string>,
  ): void => {
    for (const [name, initial] of Object.entries(defaults)) {
      const numbers = /^\d+(\s+\d+)*$/;
      add(
        name,
        () => of().get(name) ?? initial,
        (text) => {
          if (!numbers.test(text.trim())) fail("EINVAL");
          of().set(name, text.trim().split(/\s+/).join("\t"));
        },
      );
    }
  };
  store(MACHINE, () => machine.sysctl);
  store(NETWORK, () => machine.current.namespaces.net.sysctl);
  store(IPC, () => machine.current.namespaces.ipc.sysctl);
  const uts = () => machine.current.namespaces.uts;
  add(
    "kernel/hostname",
    () => uts().hostname,
    (text) => {
      uts().hostname = text.trimEnd().slice(0, 64);
    },
  );
  add(
    "kernel/domainname",
    () => uts().domainname,
    (text) => {
      uts().domainname = text.trimEnd().slice(0, 64);
    },
  );
  return top;
}
