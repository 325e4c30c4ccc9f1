// The main job on real input: a Debian with Python, made by mmdebstrap, pushed by skopeo to
// Debian's docker-registry, pulled and run by the command line.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { debianLayout } from "../images/debian.ts";
import { startRegistry, type TestRegistry } from "../images/registry.ts";
import { Bench } from "./engine-bench.ts";

let bench: Bench;
let registry: TestRegistry;
let name: string;
let digest: string;
beforeAll(async () => {
  bench = await Bench.make();
  registry = await startRegistry({ folder: bench.base });
  digest = await registry.push(await debianLayout(), "library/debian", "12");
  name = `${registry.address}/library/debian:12`;
}, 600_000);
afterAll(async () => {
  await registry?.stop();
  await bench?.[Symbol.asyncDispose]();
});

describe("a real Debian from a real registry", () => {
  it("is pulled with the digest that skopeo reports", async () => {
    const out = await bench.does(["pull", name]);
    expect(out).toContain(`Digest: ${digest}`);
    const images = await bench.does(["images", "--digests", "--format", "{{.Tag}} {{.Digest}}"]);
    expect(images).toBe(`12 ${digest}`);
  });

  it("runs Python in namespaces and cgroups of its own", async () => {
    await bench.unchanged(async () => {
      const script = `
import os, json, socket
limit = [open(p).read().strip() for p in ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max") if os.path.exists(p)]
print(json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "limit": limit[0], "links": os.listdir("/sys/class/net"), "id": open("/etc/os-release").read().split('VERSION_ID="')[1][:2], "user": os.getuid()}))`;
      const options = ["--rm", "-q", "--memory", "128m", "--hostname", "nacre", "-u", "nobody"];
      const out = await bench.does(["run", ...options, name, "python3", "-c", script]);
      expect(JSON.parse(out)).toEqual({
        pid: 1,
        host: "nacre",
        limit: String(128 << 20),
        links: ["lo"],
        id: "12",
        user: 65534,
      });
    });
  });

  it("goes on in the background, and knows its packages", async () => {
    await bench.unchanged(async () => {
      await bench.does(["run", "-d", "-q", "--name", "debian", name, "sleep", "60"]);
      const status = await bench.does([
        "exec",
        "debian",
        "sh",
        "-c",
        "dpkg-query -W python3 | cut -f1",
      ]);
      expect(status).toBe("python3");
      const owner = await bench.does(["exec", "debian", "dpkg", "-S", "/usr/bin/python3"]);
      expect(owner).toContain("python3-minimal: /usr/bin/python3");
      await bench.does(["exec", "debian", "dpkg", "--audit"]);
      await bench.does(["stop", "-t", "0", "debian"]);
      await bench.does(["rm", "debian"]);
    });
  });

  it("goes away with its blobs, layers and snapshot", async () => {
    await bench.does(["rmi", name]);
    expect(bench.state().filter((one) => /blobs|layers|snapshots/.test(one))).toEqual([]);
  });
});
