import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { engineContract } from "../contract/engine.ts";
import { pushRegistry } from "../engine/push-registry.ts";
import { tar } from "../images/tar.ts";
import { Bench, shellImage } from "./engine-bench.ts";

engineContract("the real kernel", async () => {
  const bench = await Bench.make();
  const broken = tar([
    { name: "bin/broken", mode: 0o644, content: "no program\n" },
    { name: "sub/old", mode: 0o644, content: "old\n" },
  ]);
  const image = bench.add("contract", shellImage({ layers: [{ tar: broken }] })).name;
  const engine = await bench.engine();
  await engine.images.pull(image);
  const devices = join(bench.base, "devices");
  mkdirSync(devices);
  const device = join(devices, "odd");
  execFileSync("mknod", ["-m", "666", device, "c", "120", "9"]);
  const registry = await pushRegistry();
  return {
    engine,
    device,
    scratch: join(bench.base, "scratch"),
    image,
    registry: registry.address,
    async dispose() {
      await registry.close();
      await engine[Symbol.asyncDispose]();
      await bench[Symbol.asyncDispose]();
    },
  };
});
