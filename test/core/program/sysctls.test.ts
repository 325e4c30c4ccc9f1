import type { SpecNamespaceType } from "@nacre/core/oci/runtime-spec.ts";
import { checkSysctls } from "@nacre/core/program/sysctls.ts";
import { describe, expect, it } from "vitest";

const OWN = new Set<SpecNamespaceType>(["ipc", "uts", "network"]);
const check = (name: string, value = "1", own = OWN) => checkSysctls({ [name]: value }, own);

describe("kernel parameters of a container", () => {
  it("are those of its own namespaces", () => {
    for (const name of ["kernel.shmmax", "fs.mqueue.msg_max", "net.ipv4.ip_forward"]) {
      expect(() => check(name)).not.toThrow();
      expect(() => check(name.replaceAll(".", "/"))).not.toThrow();
      expect(() => check(name, "1", new Set())).toThrow(/no (ipc|network) namespace of its own/);
    }
    expect(() => check("net/ipv4/conf/eth0.1/forwarding")).not.toThrow();
  });

  it("are none of the machine's", () => {
    const machine = ["kernel.core_pattern", "vm.swappiness", "kernel.modprobe", "fs.file-max"];
    const disguised = [
      "net/../kernel/core_pattern",
      "net.",
      "",
      "kernel",
      "net/./../vm/x",
      "/net/x",
    ];
    for (const name of [...machine, ...disguised]) {
      expect(() => check(name), name).toThrow(/is not in a separate namespace/);
    }
  });

  it("do not carry a second one", () => {
    expect(() => check("kernel.shm_rmid_forced", "1+kernel.core_pattern=|/x")).not.toThrow();
    expect(() => check("kernel.shm_rmid_forced", "1\n2")).toThrow(/more than one line/);
    expect(() => check("kernel.shm_rmid_forced+kernel.core_pattern")).toThrow(/separate namespace/);
  });
});
