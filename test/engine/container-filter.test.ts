import { NacreError } from "@nacre/core/error.ts";
import { completeRequest } from "@nacre/core/program/request.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import { type ContainerFilters, isMeant } from "@nacre/engine/containers/filter.ts";
import { describe, expect, it } from "vitest";

const record: ContainerRecord = {
  id: "0a1b2c3d4e5f",
  name: "web-1",
  request: completeRequest({
    image: "debian",
    labels: { ci: "", tier: "front=1" },
    network: "host",
  }),
  mounts: [
    {
      type: "bind",
      source: "/srv",
      target: "/data",
      readOnly: false,
      recursive: true,
      propagation: "private",
    },
  ],
  imageId: "sha256:aa",
  snapshotter: "erofs",
  createdMs: 100,
  status: "exited",
  exitCode: 3,
};

const context = {
  find: (name: string): ContainerRecord => {
    if (name === "older") return { ...record, createdMs: 50 };
    throw new NacreError("not-found", `no such container: ${name}`);
  },
  imageId: (reference: string) => (reference === "debian:12" ? "sha256:aa" : undefined),
  exposed: () => ["80/tcp", "53/udp"],
};
const meant = (filters: ContainerFilters) => isMeant(record, filters, context);

describe("a filter of containers", () => {
  it.each<[ContainerFilters, boolean]>([
    [{ id: ["0a1b"] }, true],
    [{ id: ["ffff"] }, false],
    [{ name: ["web"] }, true],
    [{ name: ["^/web-1$"] }, true],
    [{ name: ["^web-\\d$"] }, true],
    [{ name: ["db"] }, false],
    [{ name: ["db", "web"] }, true],
    [{ label: ["ci"] }, true],
    [{ expose: ["80"] }, true],
    [{ expose: ["50-60/udp"] }, true],
    [{ expose: ["53"] }, false],
    [{ publish: ["80"] }, false],
    [{ label: ["ci="] }, true],
    [{ label: ["tier=front=1"] }, true],
    [{ label: ["tier=back"] }, false],
    [{ label: ["ci", "missing"] }, false],
    [{ label: ["toString"] }, false],
    [{ ancestor: ["debian"] }, true],
    [{ ancestor: ["debian:12"] }, true],
    [{ ancestor: ["alpine"] }, false],
    [{ status: ["exited"] }, true],
    [{ status: ["running", "exited"] }, true],
    [{ exited: ["3"] }, true],
    [{ exited: ["0"] }, false],
    [{ since: ["older"] }, true],
    [{ before: ["older"] }, false],
    [{ volume: ["/data"] }, true],
    [{ volume: ["/srv"] }, true],
    [{ volume: ["/other"] }, false],
    [{ network: ["host"] }, true],
    [{ network: ["none"] }, false],
    [{ name: ["web"], status: ["created"] }, false],
  ])("%j: %s", (filters, expected) => {
    expect(meant(filters)).toBe(expected);
  });

  it("refuses what no container can be asked by", () => {
    expect(() => meant({ colour: ["red"] })).toThrow("invalid filter 'colour'");
    expect(() => meant({ status: ["asleep"] })).toThrow("invalid filter 'status=asleep'");
    expect(() => meant({ exited: ["x"] })).toThrow("invalid filter 'exited=x'");
    expect(() => meant({ since: ["nobody"] })).toThrow("no such container: nobody");
  });
});
