// The life of containers on the real kernel, by the command line and by the library.

import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { benchForTests, outcomeOf, shellImage } from "./engine-bench.ts";

let quitter: string;
const bench = benchForTests(async (bench) => {
  quitter = bench.add("quitter", shellImage({ process: { StopSignal: "SIGUSR1" } })).name;
  await bench.does(["pull", "-q", quitter]);
});

const json = async (name: string) => JSON.parse(await bench.does(["inspect", name]))[0];
const state = async (name: string) => (await json(name)).State;
const LOOP = "while :; do sleep 0.05; done";

describe("a container in the background", () => {
  it("is created, runs, is looked at, joined, stopped and removed", async () => {
    await bench.unchanged(async () => {
      const script = `trap 'echo bye; exit 3' TERM; echo out; echo err >&2; ${LOOP}`;
      const options = ["run", "-d", "--name", "web", "-e", "A=1"];
      const id = await bench.does([...options, bench.name(), "sh", "-c", script]);
      expect(id).toMatch(/^[0-9a-f]{64}$/);
      expect(await bench.does(["ps", "--format", "{{.Names}} {{.State}}"])).toBe("web running");
      await bench.until(async () => (await bench.nacre(["logs", "web"])).stderr !== "");
      expect(await bench.nacre(["logs", "web"])).toEqual({
        ...{ code: 0, stdout: "out\n", stderr: "err\n" },
      });
      const joined = [
        "exec",
        "-e",
        "B=2",
        "web",
        "sh",
        "-c",
        "echo $A$B; tr '\\0' ' ' </proc/1/cmdline",
      ];
      expect(await bench.does(joined)).toMatch(/^12\nsh -c trap 'echo bye/);
      const running = await state("web");
      expect(running).toMatchObject({ Status: "running", Running: true, OOMKilled: false });
      expect(running.Pid).toBeGreaterThan(1);
      expect(await bench.does(["stop", "web"])).toBe("web");
      const stopped = await state("web");
      expect(stopped).toMatchObject({ Status: "exited", Running: false, Pid: 0, ExitCode: 3 });
      expect(Date.parse(stopped.FinishedAt)).toBeGreaterThan(Date.parse(stopped.StartedAt));
      expect((await bench.nacre(["logs", "web"])).stdout).toBe("out\nbye\n");
      expect(await bench.does(["ps", "-q"])).toBe("");
      const row = await bench.does(["ps", "-a", "--format", "{{.Names}} {{.Status}}"]);
      expect(row).toMatch(/^web Exited \(3\) /);
      expect(await bench.does(["stop", "web"])).toBe("web"); // it is
      expect(await bench.does(["rm", "web"])).toBe("web");
      expect(await bench.does(["ps", "-aq"])).toBe("");
    });
  });

  it("that is removed with its end leaves nothing, though nobody asks again", async () => {
    await bench.unchanged(async () => {
      await bench.does(["run", "-d", "--rm", bench.name(), "sh", "-c", "sleep 0.2"]);
    });
    expect(await bench.does(["ps", "-aq"])).toBe("");
  });

  it("gets SIGKILL when the time is up", async () => {
    await bench.does([
      "run",
      "-d",
      "--name",
      "deaf",
      bench.name(),
      "sh",
      "-c",
      `trap '' TERM; echo; ${LOOP}`,
    ]);
    await bench.until(async () => (await bench.nacre(["logs", "deaf"])).stdout === "\n");
    const begin = performance.now();
    await bench.does(["stop", "-t", "1", "deaf"]);
    expect(performance.now() - begin).toBeGreaterThan(1000);
    expect(await state("deaf")).toMatchObject({ ExitCode: 137, OOMKilled: false });
    await bench.does(["rm", "deaf"]);
  });

  it("is stopped by the signal that its image names, and killed by any", async () => {
    const script = `trap 'exit 5' USR1; trap 'exit 6' HUP; echo; ${LOOP}`;
    for (const [name, words, code] of [
      ["polite", ["stop", "polite"], 5],
      ["called", ["kill", "-s", "HUP", "called"], 6],
      ["killed", ["kill", "killed"], 137],
    ] as const) {
      await bench.does(["run", "-d", "--name", name, quitter, "sh", "-c", script]);
      await bench.until(async () => (await bench.nacre(["logs", name])).stdout === "\n");
      await bench.does(words);
      await bench.until(async () => (await state(name)).Status === "exited");
      expect((await state(name)).ExitCode).toBe(code);
      expect((await bench.nacre(["kill", name])).stderr).toContain("it is exited");
      await bench.does(["rm", name]);
    }
  });
});

describe("a container in the foreground", () => {
  it("has its own exit code, and its streams are the caller's", async () => {
    await bench.unchanged(async () => {
      const run = (...command: string[]) => bench.nacre(["run", "--rm", bench.name(), ...command]);
      const both = await run("sh", "-c", "echo out; echo err >&2; exit 42");
      expect(both).toEqual({ code: 42, stdout: "out\n", stderr: "err\n" });
      expect((await run("sh", "-c", "sh -c 'kill -9 $$'; exit $?")).code).toBe(137);
      expect((await run("true")).code).toBe(0);
    });
  });

  it("reads the caller's input with -i and none without", async () => {
    const cat = (...flags: string[]) =>
      bench.nacre(["run", "--rm", ...flags, bench.name(), "cat"], { input: "a\0b" });
    expect(await cat("-i")).toEqual({ code: 0, stdout: "a\0b", stderr: "" });
    expect(await cat()).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it("gets the caller's signals", async () => {
    const script = `trap 'echo hup' HUP; trap 'echo term; exit 9' TERM; echo up; ${LOOP}`;
    const child = bench.start(["run", "--rm", bench.name(), "sh", "-c", script]);
    const done = outcomeOf(child);
    await once(child.stdout!, "data");
    child.kill("SIGHUP");
    await once(child.stdout!, "data");
    child.kill("SIGTERM");
    expect(await done).toEqual({ code: 9, stdout: "up\nhup\nterm\n", stderr: "" });
  });

  it("stays when nobody asked for its removal, with its log", async () => {
    expect(await bench.does(["run", "--name", "kept", bench.name(), "echo", "said"])).toBe("said");
    expect(await bench.does(["logs", "kept"])).toBe("said");
    expect(await state("kept")).toMatchObject({ Status: "exited", ExitCode: 0 });
    await bench.does(["rm", "kept"]);
  });

  it("has a terminal with -t, of the caller's size", async () => {
    const python = `
import os, pty, sys, fcntl, termios, struct
pid, master = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
    os.execv(sys.argv[1], sys.argv[1:])
seen = b""
while b"more?" not in seen: seen += os.read(master, 4096)
os.write(master, b"yes\\n")
try:
    while True:
        part = os.read(master, 4096)
        if not part: break
        seen += part
except OSError: pass
sys.stdout.write(seen.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))`;
    const script =
      "tty; stty size; [ -t 0 ] && [ -t 2 ] && echo three; echo more?; read x; echo got $x; exit 4";
    const nacre = bench.start(["run", "--rm", "-it", bench.name(), "sh", "-c", script]).spawnargs;
    const { spawn } = await import("node:child_process");
    const child = spawn("python3", ["-c", python, ...nacre]);
    const { code, stdout } = await outcomeOf(child);
    expect(stdout.replaceAll("\r", "")).toBe("/dev/pts/0\n33 99\nthree\nmore?\nyes\ngot yes\n");
    expect(code).toBe(4);
    const piped = await bench.nacre(["run", "--rm", "-it", bench.name(), "true"]);
    expect(piped).toMatchObject({ code: 125, stderr: expect.stringContaining("not a TTY") });
  });
});

describe("logs", () => {
  it("are followed to the end, and no line is lost or said twice", async () => {
    const script =
      "i=0; while [ $i -lt 300 ]; do echo $i; i=$((i+1)); [ $((i % 50)) = 0 ] && sleep 0.05; done";
    await bench.does(["run", "-d", "--name", "counter", bench.name(), "sh", "-c", script]);
    const all = Array.from({ length: 300 }, (_, i) => `${i}`);
    const follow = await bench.does(["logs", "-f", "counter"]);
    expect(follow.split("\n")).toEqual(all);
    expect(await bench.does(["logs", "--tail", "2", "counter"])).toBe("298\n299");
    expect(await bench.does(["logs", "-f", "--tail", "1", "counter"])).toBe("299");
    expect(await bench.does(["logs", "-t", "--tail", "1", "counter"])).toMatch(/^\d{4}-.*Z 299$/);
    await bench.does(["rm", "counter"]);
  });

  it("are followed until a container that removes itself is gone", async () => {
    const script = "echo a; while [ ! -e /go ]; do sleep 0.05; done; echo b";
    const id = await bench.does(["run", "-d", "--rm", bench.name(), "sh", "-c", script]);
    const follower = bench.start(["logs", "-f", id]);
    const followed = outcomeOf(follower);
    await once(follower.stdout!, "data");
    await bench.nacre(["exec", id, "touch", "/go"]); // it may be ended with the container
    expect(await followed).toEqual({ code: 0, stdout: "a\nb\n", stderr: "" });
  });
});

describe("events", () => {
  it("are recorded by every process, and followed", async () => {
    // Of these two only: what an earlier test ran may still be on its way out.
    const follower = bench.start([
      ...["events", "--filter", "container=short", "--filter", "container=long"],
      ...["--filter", "container=probe"],
      ...["--format", "{{.Action}} {{.Actor.Attributes.name}}"],
    ]);
    let seen = "";
    follower.stdout!.on("data", (text) => {
      seen += text;
    });
    // It has to have begun.
    await bench.until(async () => {
      await bench.does(["create", "--name", "probe", bench.name(), "true"]);
      await bench.does(["rm", "probe"]);
      return seen.endsWith("destroy probe\n");
    });
    seen = "";
    await bench.does(["run", "--rm", "--name", "short", bench.name(), "true"]);
    await bench.does(["run", "-d", "--name", "long", bench.name(), "sleep", "60"]);
    await bench.does(["stop", "-t", "0", "long"]);
    await bench.does(["rm", "long"]);
    const expected = [
      "create short",
      "start short",
      "die short",
      "destroy short",
      "create long",
      "start long",
      "kill long",
      "kill long",
      "die long",
      "stop long",
      "destroy long",
      "",
    ].join("\n");
    await bench.until(() => seen === expected).catch(() => expect(seen).toBe(expected));
    const closed = outcomeOf(follower);
    follower.kill("SIGINT");
    expect((await closed).code).toBe(130);
    const past = await bench.does(["events", "--since", "1h", "--until", "0s", "--format", "json"]);
    const last = JSON.parse(
      past
        .split("\n")
        .filter((line) => line.includes('"die"'))
        .at(-1)!,
    );
    expect(last.Actor.Attributes).toMatchObject({ name: "long", exitCode: "137" });
  });

  it("end at the time that was asked for", async () => {
    const inASecond = String(Date.now() / 1000 + 1);
    expect(await bench.does(["events", "--until", inASecond])).toBe("");
  });
});

describe("the library", () => {
  it("creates, starts, joins, waits, stops and removes", async () => {
    await bench.unchanged(async () => {
      await using engine = await bench.engine();
      const { containers } = engine;
      const record = await containers.create({
        image: bench.name(),
        command: ["sh", "-c", "read x; echo got $x; exit 3"],
        interactive: true,
      });
      expect(record.status).toBe("created");
      const streams = { stdin: "pipe", stdout: "pipe", stderr: "ignore" } as const;
      const attached = await containers.start(record.id, streams);
      expect(containers.get(record.id).status).toBe("running");
      const writer = attached.stdin!.getWriter();
      await writer.write(new TextEncoder().encode("it\n"));
      await writer.close();
      expect(await new Response(attached.stdout).text()).toBe("got it\n");
      expect(await attached.exited).toBe(3);
      expect(await containers.wait(record.id)).toBe(3);
      // Again, and this time nobody speaks to it.
      const again = await containers.start(record.id, { ...streams, stdout: "ignore" });
      await expect(containers.start(record.id)).rejects.toMatchObject({ kind: "conflict" });
      await containers.stop(record.id, { timeoutMs: 0 });
      expect(await again.exited).toBe(137);
      expect(containers.inspect(record.id).State).toMatchObject({
        Status: "exited",
        ExitCode: 137,
      });
      await containers.remove(record.id);
      expect(() => containers.get(record.id)).toThrow("no such container");
    });
  });

  it("waits for the exit code of a container that removes itself", async () => {
    await using engine = await bench.engine();
    const command = ["sh", "-c", "sleep 2; exit 7"];
    const request = { image: bench.name(), command, detached: true, autoRemove: true };
    const { container } = await engine.containers.run(request);
    expect(await engine.containers.wait(container.id)).toBe(7);
    await bench.until(() => engine.containers.list({ all: true }).length === 0);
  });

  it("leaves a container to others that it started in the foreground and did not wait for", async () => {
    await bench.unchanged(async () => {
      let id: string;
      {
        await using engine = await bench.engine();
        const command = ["sh", "-c", "while [ ! -e /end ]; do sleep 0.05; done; exit 8"];
        id = (await engine.containers.run({ image: bench.name(), command })).container.id;
      }
      await using engine = await bench.engine();
      expect(engine.containers.get(id).status).toBe("running");
      await (await engine.containers.exec(id, { command: ["touch", "/end"] })).exited;
      expect(await engine.containers.wait(id)).toBe(8);
      await engine.containers.remove(id);
    });
  });
});
