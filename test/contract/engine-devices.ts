// What an engine lets containers do with devices, on whatever kernel and version of cgroups: part
// of engineContract. The device has no driver, so that opening it fails in any case: with ENXIO
// where it is allowed, with EPERM where it is not.

import { expect, it } from "vitest";
import type { Bench } from "./engine.ts";

type More = NonNullable<Parameters<Bench["sh"]>[1]>;

export function deviceCases(bench: () => Bench): void {
  const bound = (): More => ({
    mounts: [
      {
        ...{ type: "bind", source: bench().subject.device, target: "/odd", readOnly: false },
        ...{ recursive: false, propagation: "private" },
      },
    ],
  });
  const answer = (stderr: string): string =>
    /not permitted/i.test(stderr) ? "denied" : /no such device/i.test(stderr) ? "allowed" : stderr;
  const ways = "cat /odd; echo x >/odd";
  const tried = async (more: More): Promise<string[]> =>
    (await bench().sh(ways, { ...bound(), ...more })).stderr.trim().split("\n").map(answer);

  it("lets nobody use a device of the machine who was not given it", async () => {
    expect(await tried({})).toEqual(["denied", "denied"]);
  });

  it.each<[string, More, string[]]>([
    ["a rule for reading", { resources: { deviceRules: ["c 120:9 r"] } }, ["allowed", "denied"]],
    ["a rule for writing", { resources: { deviceRules: ["c 120:* w"] } }, ["denied", "allowed"]],
    [
      "a rule for both types",
      { resources: { deviceRules: ["a 120:9 rw"] } },
      ["allowed", "allowed"],
    ],
    ["a rule for another", { resources: { deviceRules: ["c 120:8 rw"] } }, ["denied", "denied"]],
    ["two rules", { resources: { deviceRules: ["c *:9 r", "c 120:9 w"] } }, ["allowed", "allowed"]],
    ["every privilege", { privileged: true }, ["allowed", "allowed"]],
  ])("lets who has %s do that, and no more", async (_, more, expected) => {
    expect(await tried(more)).toEqual(expected);
  });

  it("gives a device under another name, as far as is asked for", async () => {
    const { device } = bench().subject;
    const devices = [{ source: device, target: "/dev/mine", access: "r" }];
    const { stderr } = await bench().sh("cat /dev/mine; echo x >/dev/mine", { devices });
    expect(stderr.trim().split("\n").map(answer)).toEqual(["allowed", "denied"]);
  });

  it("gives all devices of a directory, at the same places below another name", async () => {
    const { device } = bench().subject;
    const at = device.lastIndexOf("/");
    const devices = [{ source: device.slice(0, at), target: "/dev/all/", access: "r" }];
    const place = `/dev/all${device.slice(at)}`;
    const { stderr } = await bench().sh(`cat ${place}; echo x >${place}`, { devices });
    expect(stderr.trim().split("\n").map(answer)).toEqual(["allowed", "denied"]);
  });

  it("changes what a running container may open, and leaves the rest as it is", async () => {
    await bench().start("odd", "exec sleep 1000", bound());
    const look = async (): Promise<string> => {
      const command = ["sh", "-c", "cat /odd; cat /dev/null"];
      const { stderr } = await bench().exec("odd", { command });
      return answer(stderr);
    };
    expect(await look()).toBe("denied");
    const { containers } = bench();
    await containers.update("odd", { deviceRules: ["c 120:9 r"] });
    expect(await look()).toBe("allowed");
    await containers.update("odd", { deviceRules: ["c 120:8 r"] });
    expect(await look()).toBe("denied");
    await containers.update("odd", { pids: 50 });
    expect(await look()).toBe("denied");
  });
}
