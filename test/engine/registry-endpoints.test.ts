import { endpointsFor, isLoopback } from "@nacre/engine/registry/endpoints.ts";
import { describe, expect, it } from "vitest";

const bases = (...args: Parameters<typeof endpointsFor>) =>
  endpointsFor(...args).map(({ base }) => base);

describe("the endpoints of a registry", () => {
  it("are https alone for what is on the network", () => {
    expect(bases("registry.example:5000", {})).toEqual(["https://registry.example:5000"]);
    expect(bases("docker.io", {})).toEqual(["https://registry-1.docker.io"]);
    expect(endpointsFor("docker.io", {})[0]?.credentialsFor).toBe("docker.io");
    expect(endpointsFor("10.0.0.1", {})[0]?.plainHttp).toBe(false);
  });

  it("allow plain HTTP on loopback, and elsewhere only where asked", () => {
    for (const host of ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "a.localhost"]) {
      expect(bases(`${host}:5000`, {})).toEqual([`http://${host}:5000`, `https://${host}:5000`]);
    }
    const both = ["https://r.example", "http://r.example"];
    expect(bases("r.example", { "r.example": { insecure: true } })).toEqual(both);
    expect(bases("r.example", {}, true)).toEqual(both);
    expect(isLoopback("127.0.0.1.example")).toBe(false);
    expect(isLoopback("localhost.example")).toBe(false);
    expect(isLoopback("128.0.0.1")).toBe(false);
  });

  it("begin with the mirrors, with the mirrors' own credentials", () => {
    const config = { "docker.io": { mirrors: ["https://m.example/hub/", "127.0.0.1:5000"] } };
    expect(() =>
      endpointsFor("docker.io", { "docker.io": { mirrors: ["http://m.example"] } }),
    ).toThrow(/without TLS/);
    const [first, second, last] = endpointsFor("docker.io", config);
    expect(first).toMatchObject({ base: "https://m.example/hub", credentialsFor: "m.example" });
    expect(second).toMatchObject({ base: "https://127.0.0.1:5000", mirror: true });
    expect(last).toMatchObject({ mirror: false });
    expect(endpointsFor("__proto__", config)).toHaveLength(1);
  });

  it("are refused where a mirror is no URL", () => {
    for (const mirror of ["https://user@m.example", "ftp://m.example", "https://", "a b"]) {
      const config = { "docker.io": { mirrors: [mirror] } };
      expect(() => endpointsFor("docker.io", config), mirror).toThrow(/is not a URL/);
    }
  });
});
