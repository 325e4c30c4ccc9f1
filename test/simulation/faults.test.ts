// Faults, one by one: what each does, and that nothing else is done.

import { SimulatedClock } from "@nacre/simulated/clock.ts";
import { SimulatedDatabase } from "@nacre/simulated/database.ts";
import type { FaultOptions } from "@nacre/simulated/faults.ts";
import { SimulatedFetch } from "@nacre/simulated/fetch.ts";
import { HostProcess } from "@nacre/simulated/host-process.ts";
import { SimulatedKernel } from "@nacre/simulated/kernel.ts";
import { describe, expect, it } from "vitest";
import { wasmCore } from "../core/wasm-core.ts";

function machine(options?: FaultOptions) {
  const clock = new SimulatedClock();
  const kernel = new SimulatedKernel(clock, { core: wasmCore() });
  const network = new SimulatedFetch({ "https://a.example": () => ({ body: "pearl" }) });
  const host = new HostProcess(kernel, { database: new SimulatedDatabase(), network });
  return { clock, kernel, host, faults: kernel.injectFaults(options) };
}

const get = (host: HostProcess) =>
  host.fetch.fetch({ method: "GET", url: "https://a.example/", headers: {} });

describe("a fault", () => {
  it("makes a call fail that is not made then", () => {
    const { host, faults } = machine({
      rules: [{ on: { call: "rename" }, fault: { do: "fail", errno: "ENOSPC" } }],
    });
    expect(() => host.files.replace("/tmp/a", "text")).toThrow(
      expect.objectContaining({ kind: "no-space", errno: "ENOSPC" }),
    );
    expect(host.files.list("/tmp")).toEqual([]);
    expect(faults?.injected).toHaveLength(1);
    host.files.replace("/tmp/a", "text");
    expect(host.files.readText("/tmp/a")).toBe("text");
  });

  it("makes a write short, which is gone on with", () => {
    const { host, faults } = machine({
      rules: [{ on: { call: "write" }, fault: { do: "short" } }],
      trace: true,
    });
    host.files.replace("/tmp/a", "abcdef");
    expect(host.files.readText("/tmp/a")).toBe("abcdef");
    const writes = faults?.trace.filter(({ call }) => call === "write");
    expect(writes?.map(({ bytes }) => bytes)).toEqual([6, 3]);
  });

  it("makes a call slow, in virtual time", async () => {
    const { host, clock } = machine({
      rules: [
        { on: { call: "create" }, fault: { do: "delay", ms: 700 } },
        { on: { call: "sync" }, fault: { do: "delay", ms: 300 } },
      ],
    });
    host.files.replace("/tmp/a", "text");
    expect(clock.monotonicMs()).toBe(700);
    let synced = false;
    const flushed = host.files.sync("/tmp/a").then(() => {
      synced = true;
    });
    await clock.advance(299);
    expect(synced).toBe(false);
    await clock.advance(1);
    await flushed;
  });

  it("kills a process, which makes no call any more", async () => {
    const { host, kernel } = machine({
      rules: [{ on: { call: "commit" }, fault: { do: "kill", who: "engine" } }],
    });
    const put = () => host.state.write((t) => t.put("name", "a", { containerId: "1" }));
    expect(put).toThrow("the process is gone");
    await host.died;
    expect(host.killed).toBe(true);
    expect(kernel.alive(host.identity)).toBe(false);
    expect(() => host.state.read((t) => t.list("name"))).toThrow("the process is gone");
    expect(() => host.files.replace("/tmp/a", "text")).toThrow("the process is gone");
    await expect(host.kernel.perform({ title: "t", host: [] })).rejects.toThrow();
    expect(kernel.hostFiles().list("/tmp")).toEqual([]);
  });

  it("fills the disk after so many bytes", () => {
    const { host, kernel } = machine({ fullAfterBytes: 10 });
    host.files.replace("/tmp/a", "1234567890");
    expect(() => host.files.replace("/tmp/b", "1")).toThrow(
      expect.objectContaining({ kind: "no-space" }),
    );
    host.files.remove("/tmp/a");
    kernel.injectFaults(undefined);
    host.files.replace("/tmp/b", "1");
    expect(host.files.list("/tmp")).toEqual(["b"]);
  });

  it("cuts a connection, or lets it stall until nobody waits any more", async () => {
    const cut = machine({ rules: [{ on: { call: "chunk" }, fault: { do: "cut" } }] });
    const response = await get(cut.host);
    await expect(response.text(100)).rejects.toMatchObject({ errno: "ECONNRESET" });
    await expect((await get(cut.host)).text(100)).resolves.toBe("pearl");

    const stall = machine({ rules: [{ on: { call: "request" }, fault: { do: "stall" } }] });
    const asked = get(stall.host).catch((error: unknown) => error);
    await stall.clock.advance(120_000);
    expect(await asked).toMatchObject({ kind: "unreachable", errno: "ETIMEDOUT" });
  });

  it("strikes where a rule says, as often as it says", () => {
    const { host } = machine({
      rules: [
        { on: { path: /\/b$/ }, after: 1, times: 2, fault: { do: "fail", errno: "EIO" } },
        { at: 0, fault: { do: "fail", errno: "EMFILE" } },
      ],
    });
    const look = (name: string) => {
      try {
        host.files.status(`/tmp/${name}`);
        return "fine";
      } catch (error) {
        return (error as { errno: string }).errno;
      }
    };
    const found = ["a", "a", "b", "b", "b", "b"].map(look);
    expect(found).toEqual(["EMFILE", "fine", "fine", "EIO", "EIO", "fine"]);
  });

  it("costs nothing where there is none", () => {
    expect(machine().kernel.machine.faults).toBeUndefined();
  });
});
