// Variables of a container's process, as the command line gives them.

import type { ContainerRequest } from "@nacre/core/program/request.ts";
import { describe, expect, it } from "vitest";
import { CONTAINER_OPTIONS, requestOf } from "../../cli/container-options.ts";
import { parseWords } from "../../cli/options.ts";
import { FakeHost, type HostSettings } from "./fake-host.ts";

function request(...words: string[]): ContainerRequest {
  const { values, operands } = parseWords(CONTAINER_OPTIONS, words, false);
  return requestOf(values, operands, new FakeHost({ environment: { A: "mine" } }));
}

describe("variables of a container", () => {
  it("lets -e win over --env-file", () => {
    const { values, operands } = parseWords(
      CONTAINER_OPTIONS,
      ["-e", "B=2", "--env-file", "f", "img"],
      false,
    );
    const host = new FakeHost({ files: { f: "A=1\nB=1\n" } });
    expect(requestOf(values, operands, host).environment).toEqual(["A=1", "B=2"]);
  });

  it("hands on our environment, over which -e wins, and leaves out the image's, as podman has it", () => {
    const { environment } = request("--env-host", "-e", "B=2", "-e", "A=given", "img");
    expect(environment).toEqual(["A=given", "B=2"]);
    expect(request("--env-host", "img").environment).toEqual(["A=mine"]);
    expect(request("--unsetenv", "X", "--unsetenv", "Y", "img").unsetEnvironment).toEqual([
      ...["X", "Y"],
    ]);
    expect(request("--unsetenv", "X", "--unsetenv-all", "img").unsetEnvironment).toBe("all");
    const merges = ["A=$A:b", "B="];
    expect(
      request(...merges.flatMap((one) => ["--env-merge", one]), "img").mergeEnvironment,
    ).toEqual(merges);
    expect(request("--timeout", "2", "img").timeoutMs).toBe(2000);
    expect(request("--timeout", "0", "img").timeoutMs).toBeUndefined();
    expect(request("--tz", "local", "--no-hosts", "img")).toMatchObject({
      ...{ timeZone: "local", imageHosts: true },
    });
  });

  it("tells of the proxies that docker's config.json names, in both ways to write them", () => {
    const environment = { HOME: "/home/me", HTTP_PROXY: "http://mine", no_proxy: "x" };
    const proxies = { default: { httpProxy: "http://p:1", noProxy: "a,b", httpsProxy: "" } };
    const files = {
      "/home/me/.docker/config.json": JSON.stringify({ proxies }),
      f: "http_proxy=f\n",
    };
    const given = (settings: HostSettings, ...words: string[]) => {
      const host = new FakeHost({ environment, ...settings });
      const { values, operands } = parseWords(CONTAINER_OPTIONS, [...words, "img"], false);
      const { environment: all } = requestOf(values, operands, host);
      return { all: [...all].sort(), err: host.err };
    };
    const usual = ["NO_PROXY=a,b", "http_proxy=http://p:1", "no_proxy=a,b"];
    expect(given({ files }).all).toEqual(["HTTP_PROXY=http://p:1", ...usual]);
    expect(given({ files }, "--env-file", "f").all).toEqual(["HTTP_PROXY=http://p:1", ...usual]);
    expect(given({ files }, "-e", "HTTP_PROXY=").all).toEqual(["HTTP_PROXY=", ...usual]);
    expect(given({}, "--http-proxy").all).toEqual(["HTTP_PROXY=http://mine", "no_proxy=x"]);
    expect(given({}).all).toEqual([]);
    const broken = given({ files: { "/home/me/.docker/config.json": "{" } });
    expect([broken.all, broken.err.includes("/home/me/.docker/config.json")]).toEqual([[], true]);
    const elsewhere = { ...environment, DOCKER_CONFIG: "/d" };
    const moved = { "/d/config.json": JSON.stringify({ proxies: { default: { allProxy: "s" } } }) };
    expect(given({ files: moved, environment: elsewhere }).all).toEqual([
      "ALL_PROXY=s",
      "all_proxy=s",
    ]);
  });

  it("names an env file that is not there", () => {
    expect(() => request("--env-file", "/nowhere", "img")).toThrow(
      "open /nowhere: no such file or directory",
    );
  });
});
