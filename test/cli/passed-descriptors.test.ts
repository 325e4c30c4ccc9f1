import { expect, it } from "vitest";
import { FakeEngine } from "./fake-engine.ts";
import { nacre } from "./fake-host.ts";

const asked = (engine: FakeEngine, name: string) =>
  engine.calls.filter(([called]) => called === name).map(([, ...given]) => given);

it("run and exec pass on descriptors of ours that are open", async () => {
  const engine = new FakeEngine();
  const settings = { engine, descriptors: [3, 4, 6] };
  const more = async (command: string, ...options: string[]) => {
    const { code, err } = await nacre([command, ...options, "web", "true"], settings);
    const streams = asked(engine, command)
      .at(-1)
      ?.at(command === "run" ? 1 : 2);
    return code === 0 ? (streams as { more?: unknown }).more : err.split("\n")[0];
  };
  for (const command of ["run", "exec"]) {
    expect(await more(command)).toBeUndefined();
    expect(await more(command, "--preserve-fds", "2")).toEqual([3, 4]);
    expect(await more(command, "--preserve-fd", "6,4", "--preserve-fd", "3")).toEqual([
      ...[3, 4, undefined, 6],
    ]);
    expect(await more(command, "--preserve-fds", "1", "--preserve-fd", "6", "-d")).toEqual([
      ...[3, undefined, undefined, 6],
    ]);
    expect(await more(command, "--preserve-fds", "3")).toContain(
      "file descriptor 5 is not available",
    );
    for (const wrong of ["-1", "x", "1000", ""]) {
      expect(await more(command, `--preserve-fds=${wrong}`)).toContain(
        "a number from 0 to 999 is needed",
      );
    }
    for (const wrong of ["2", "4,", "1002"]) {
      expect(await more(command, "--preserve-fd", wrong)).toContain(
        "a number from 3 to 1001 is needed",
      );
    }
  }
  const { code, err } = await nacre(["create", "--preserve-fds", "1", "debian"], settings);
  expect([code, err]).toEqual([125, expect.stringContaining("unknown flag: --preserve-fds")]);
});
