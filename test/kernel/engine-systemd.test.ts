// systemd in a container, as far as this machine has it: the one of the machine, in the image `host`.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { benchForTests } from "./engine-bench.ts";

const bench = benchForTests();
const SYSTEMD = "/lib/systemd/systemd";
const HIERARCHY = "/sys/fs/cgroup/systemd";
const version = existsSync(SYSTEMD);
const named = readFileSync("/proc/self/mountinfo", "utf8").includes(` ${HIERARCHY} `);

// It cannot run where the machine has no such hierarchy: on cgroup v2 alone.
describe.skipIf(!named)("the hierarchy of systemd", () => {
  it("is the container's own to write, those that limit it are not, and it leaves nothing", async () => {
    await bench.unchanged(async () => {
      const script = [
        ...[
          `mkdir ${HIERARCHY}/a ${HIERARCHY}/a/b && echo made`,
          `cat /proc/self/cgroup | grep systemd`,
        ],
        "mkdir /sys/fs/cgroup/memory/x 2>/dev/null || echo closed",
      ].join("; ");
      const out = await bench.prints(["--systemd", "always"], ["sh", "-c", script]);
      expect(out).toMatch(/^made\n\d+:name=systemd:\/\nclosed$/);
      expect(await bench.prints([], ["sh", "-c", `ls -d ${HIERARCHY} 2>&1 | grep -c No`])).toBe(
        "1",
      );
    });
  });
});

// It cannot run where the machine has none, nor a hierarchy for it.
describe.skipIf(!version || !(named || existsSync("/sys/fs/cgroup/cgroup.controllers")))(
  "systemd",
  () => {
    it("comes up, starts services in groups of its own, and halts when it is stopped", async () => {
      const quiet = ["--tmpfs", "/etc/systemd/system", "--tmpfs", "/lib/systemd/system-generators"];
      const options = ["-d", "--network", "none", "--name", "sysd", "--systemd", "true", ...quiet];
      await bench.does(["run", ...options, "host", SYSTEMD]);
      const state = async () =>
        (await bench.nacre(["exec", "sysd", "systemctl", "is-system-running"])).stdout.trim();
      await expect.poll(state, { timeout: 60_000 }).toMatch(/^(running|degraded)$/);
      const journald = "systemd-journald";
      expect(await bench.does(["top", "sysd", "-o", "args"])).toContain(journald);
      if (named) {
        const slices = ["find", `${HIERARCHY}/system.slice`, "-name", `${journald}.service`];
        expect(await bench.does(["exec", "sysd", ...slices])).toContain(journald);
      }
      await bench.does(["stop", "-t", "30", "sysd"]);
      expect(await bench.does(["inspect", "-f", "{{.State.ExitCode}}", "sysd"])).toBe("0");
      await bench.does(["rm", "sysd"]);
      if (named)
        expect(
          existsSync(`${HIERARCHY}/nacre`) &&
            readdirSync(`${HIERARCHY}/nacre`).some((name) => name.length === 64),
        ).toBe(false);
    });
  },
);
