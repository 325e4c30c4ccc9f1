// How a process ends that need not wait for what Node would take down.

import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { OWN_NODE } from "../../own-node.ts";

const MODULE = new URL("../../../backends/linux/launch.ts", import.meta.url);

function ended(act: string) {
  const program = `import { leaveAtExit } from "${MODULE}";
    leaveAtExit({ leave: (code) => process.reallyExit(code + 40) }); ${act}`;
  const flags = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e"];
  return spawnSync(OWN_NODE, [...flags, program], { encoding: "utf8" });
}

it("leaves at once", () => {
  expect(ended("process.exit(2)")).toMatchObject({ status: 42, stderr: "" });
});

it.each(["throw new Error('thrown')", "Promise.reject(new Error('thrown'))"])(
  "lets Node say what nobody has caught: %s",
  (act) => {
    const { status, stderr } = ended(act);
    expect(status).toBe(1);
    expect(stderr).toMatch(/Error: thrown/);
  },
);
