// Terminals of containers, on whatever kernel: part of engineContract. Who is told what is typed, and
// what becomes of a terminal and of who runs in it when it is over.

import { expect, it } from "vitest";
import type { Bench } from "./engine.ts";

const LOOP = "while :; do sleep 0.05; done";

export function terminalCases(bench: () => Bench): void {
  const look = async (name: string, script: string): Promise<string> =>
    (await bench().exec(name, { command: ["sh", "-c", script] })).stdout;

  it("gives the number of a terminal that is over to the next one", async () => {
    await bench().start("pts", LOOP, { terminal: true });
    for (const seen of ["first", "second"]) {
      const command = ["sh", "-c", `tty >/${seen}`];
      await bench().containers.exec("pts", { command, terminal: true, detached: true });
      const path = () => look("pts", `cat /${seen}; ls /dev/pts`);
      await expect.poll(path, { timeout: 20_000 }).toBe("/dev/pts/1\n0\nptmx\n");
    }
  });

  it("interrupts all who are in front, and not the first process that does not listen", async () => {
    await bench().start("front", `echo ready; sleep 1000; echo $?; ${LOOP}`, {
      ...{ terminal: true, interactive: true },
    });
    await bench().says("front", "ready");
    // Before that nobody is in front who listens.
    const running = () =>
      bench()
        .containers.top("front")
        .map((one) => one.arguments.join(" "));
    await expect.poll(running).toContain("sleep 1000");
    const attachment = await bench().containers.attach("front");
    await attachment.write(Uint8Array.of(3));
    await bench().says("front", "130");
    attachment.close();
  });

  it("hangs up on who is left in front when the first of its session ends", async () => {
    await bench().start("left", LOOP);
    const command = ["sh", "-c", "sleep 1000 & trap '' HUP; sleep 2000 & echo $! >/stays"];
    await bench().containers.exec("left", { command, terminal: true, detached: true });
    const sleepers = () => look("left", "cat /stays; ps -o args= | grep -c '^sleep [12]000'");
    await expect.poll(sleepers, { timeout: 20_000 }).toMatch(/^\d+\n1\n$/);
  });
}
