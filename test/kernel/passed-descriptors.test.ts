// Descriptors of whoever calls Nacre, as `run` and `exec` hand them on.

import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { benchForTests, NACRE } from "./engine-bench.ts";

const bench = benchForTests();

/** The numbers under which a process in the container has anything, each with what that is. */
const LOOK = "for n in 3 4 5 6 7; do [ -e /proc/$$/fd/$n ] && echo $n; done";

/** By a shell that has redirected, as `3</file`. */
function from(redirections: string, ...words: string[]) {
  const line = ["-c", `exec "$@" ${redirections}`, "-", NACRE, "--root", bench.root, ...words];
  const { status, stdout, stderr } = spawnSync("sh", line, { encoding: "utf8" });
  return { code: status, out: stdout, err: stderr };
}

const run = (redirections: string, options: string[], script: string) =>
  from(
    redirections,
    ...["run", "--rm", "--network", "none", ...options, bench.name(), "sh", "-c", script],
  );

function file(name: string, text: string): string {
  const path = join(bench.root, name);
  writeFileSync(path, text);
  return path;
}

describe("descriptors of the caller", () => {
  it("are the container's under the same numbers, to read and to write, and no others", () => {
    const [three, four] = [file("three", "one\n"), file("four", "")];
    const passed = run(
      `3<${three} 4>>${four} 5<${three}`,
      ["--preserve-fds", "2"],
      [...[LOOK, "cat <&3", "echo written >&4"]].join("; "),
    );
    expect(passed).toEqual({ code: 0, out: "3\n4\none\n", err: "" });
    expect(readFileSync(four, "utf8")).toBe("written\n");
    expect(run(`3<${three}`, [], LOOK)).toMatchObject({ code: 1, out: "" });
  });

  it("that are named leave /dev/null in between", () => {
    const one = file("one", "one\n");
    const script = `${LOOK}; cat <&3; cat <&5; cat <&7`;
    const passed = run(`5<${one} 6<${one} 7<${one}`, ["--preserve-fd", "5,7"], script);
    expect(passed).toEqual({ code: 0, out: "3\n4\n5\n6\n7\none\none\n", err: "" });
    const both = ["--preserve-fds=1", "--preserve-fd=5"];
    expect(run(`3<${one} 5<${one}`, both, LOOK)).toMatchObject({ out: "3\n4\n5\n" });
  });

  it("reach a container with a terminal, and one in the background, which outlives its starter", async () => {
    const one = file("one", "one\n");
    const words = ["--preserve-fds", "1", "--name", "apart", "-d"];
    const script = "cat <&3; exec sleep 1000";
    const start = ["run", "--network", "none", ...words, bench.name(), "sh", "-c", script];
    expect(from(`3<${one}`, ...start)).toMatchObject({ code: 0, err: "" });
    await expect.poll(() => bench.does(["logs", "apart"]), { timeout: 20_000 }).toBe("one");
    const exec = (options: string[], ...more: string[]) =>
      from(`3<${one}`, "exec", ...options, "--preserve-fds", "1", "apart", ...more);
    expect(exec([], "sh", "-c", `${LOOK}; cat <&3`)).toMatchObject({ code: 0, out: "3\none\n" });
    expect(exec(["-t"], "cat", "/proc/self/fd/3")).toMatchObject({ code: 0, out: "one\r\n" });
    expect(exec(["-d"], "sh", "-c", "cat <&3 >/got")).toMatchObject({ code: 0 });
    const got = () => bench.does(["exec", "apart", "cat", "/got"]);
    await expect.poll(got, { timeout: 20_000 }).toBe("one");
    // What starts it again has nothing to give.
    await bench.does(["restart", "-t", "0", "apart"]);
    expect(await bench.does(["exec", "apart", "sh", "-c", "ls /proc/1/fd"])).toBe("0\n1\n2");
    await bench.does(["rm", "-f", "apart"]);
  });

  it("that are not open are refused, and Node's own are not taken for them", () => {
    const one = file("one", "one\n");
    const missing = (number: number) => `file descriptor ${number} is not available`;
    for (const [options, number] of [
      [["--preserve-fds", "1"], 3],
      [["--preserve-fds", "20"], 3],
      ...[5, 6, 7, 8, 9, 10, 15, 20].map((n) => [["--preserve-fd", `${n}`], n] as const),
    ] as const) {
      const { code, err } = run("3<&- 4<&- 10<&-", [...options], "true");
      expect([code, err.includes(missing(number))], options.join(" ")).toEqual([125, true]);
    }
    const { code, err } = run(`3<${one}`, ["--preserve-fds", "2"], "true");
    expect([code, err.includes(missing(4))]).toEqual([125, true]);
  });

  it("may be the ends of a pipe, which ends with the container", () => {
    const words = ["run", "--rm", "--network", "none", "--preserve-fds", "1", bench.name()];
    const script = `exec 3>&1 >/dev/null; "$@" sh -c 'echo through >&3'`;
    const line = ["-c", script, "-", NACRE, "--root", bench.root, ...words];
    expect(execFileSync("sh", line, { encoding: "utf8" })).toBe("through\n");
  });
});
