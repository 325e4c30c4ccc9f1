// What an engine does with containers, on whatever kernel: their life, output, input, exit codes,
// and what it says to bad requests. The same scripts run in busybox on the real kernel and in the
// simulated kernel's own shell.
//
//   engineContract("my backend", async () => ({ engine, image, dispose }));

import { NacreError } from "@nacre/core/error.ts";
import type { Engine, ExecRequest } from "@nacre/engine/engine.ts";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { accountCases } from "./engine-accounts.ts";
import { archiveCases } from "./engine-archives.ts";
import { buildCases } from "./engine-build.ts";
import { stageCases } from "./engine-build-stages.ts";
import { deviceCases } from "./engine-devices.ts";
import { fileCases } from "./engine-files.ts";
import { initCases } from "./engine-init.ts";
import { leavingCases } from "./engine-leaving.ts";
import { machineCases } from "./engine-machine.ts";
import { parentCases } from "./engine-parents.ts";
import { sharingCases } from "./engine-sharing.ts";
import { terminalCases } from "./engine-terminals.ts";
import { userCases } from "./engine-users.ts";
import { withContainerCases } from "./engine-with-container.ts";

type Request = Parameters<Engine["containers"]["run"]>[0];

export interface EngineSubject {
  readonly engine: Engine;
  /** An image with a shell, the usual tools in /bin, and the files /bin/broken and /sub/old: mode 0644. */
  readonly image: string;
  /** A character device of the machine, 120:9, that no driver serves and everybody may open. */
  readonly device: string;
  /** A directory of the machine, which may not be there yet, for tests to write in. */
  readonly scratch: string;
  /** Where images can be pushed to and pulled from. */
  readonly registry: string;
  dispose(): Promise<void>;
}

const PIPES = { stdin: "pipe", stdout: "pipe", stderr: "pipe" } as const;
const LOOP = "while :; do sleep 0.05; done";

export class Bench {
  readonly subject: EngineSubject;

  constructor(subject: EngineSubject) {
    this.subject = subject;
  }

  get containers(): Engine["containers"] {
    return this.subject.engine.containers;
  }

  async #collect(running: Awaited<ReturnType<Engine["containers"]["run"]>>, input = "") {
    const writer = running.stdin?.getWriter();
    await writer?.write(new TextEncoder().encode(input)).catch(() => {}); // nobody need read it
    await writer?.close().catch(() => {});
    const text = (stream: ReadableStream<Uint8Array> | undefined) => new Response(stream).text();
    const [stdout, stderr] = await Promise.all([text(running.stdout), text(running.stderr)]);
    return { code: await running.exited, stdout, stderr };
  }

  async run(command: readonly string[], more: Partial<Request> = {}, input?: string) {
    const request = { image: this.subject.image, autoRemove: true, command, ...more };
    return this.#collect(await this.containers.run(request, PIPES), input);
  }
  sh(script: string, more?: Partial<Request>, input?: string) {
    return this.run(["sh", "-c", script], more, input);
  }
  async exec(name: string, request: ExecRequest) {
    return this.#collect(await this.containers.exec(name, request, PIPES));
  }
  async start(name: string, script: string, more: Partial<Request> = {}): Promise<void> {
    const command = ["sh", "-c", script];
    const request = { image: this.subject.image, name, command, detached: true, ...more };
    await this.containers.run(request);
  }
  async logs(name: string): Promise<string[]> {
    const lines = [];
    for await (const { stream, text } of this.containers.logs(name))
      lines.push(`${stream} ${text}`);
    return lines;
  }
  /** Follows the log until it says something. */
  async says(name: string, wanted: string): Promise<void> {
    const abort = new AbortController();
    for await (const { text } of this.containers.logs(name, {
      follow: true,
      signal: abort.signal,
    })) {
      if (text.includes(wanted)) break;
    }
    abort.abort();
  }
}

export const refusal = (work: Promise<unknown>): Promise<NacreError> =>
  work.then(
    () => expect.unreachable("it was not refused"),
    (error: unknown) => {
      expect(error).toBeInstanceOf(NacreError);
      return error as NacreError;
    },
  );

export function engineContract(name: string, makeSubject: () => Promise<EngineSubject>): void {
  describe(`the engine on ${name}`, () => {
    let bench: Bench;
    beforeAll(async () => {
      bench = new Bench(await makeSubject());
    });
    afterAll(() => bench?.subject.dispose());
    afterEach(async () => {
      const { containers } = bench;
      for (const { id } of containers.list({ all: true }))
        await containers.remove(id, { force: true });
    });

    foregroundCases(() => bench);
    backgroundCases(() => bench);
    refusalCases(() => bench);
    accountCases(() => bench);
    archiveCases(() => bench);
    deviceCases(() => bench);
    machineCases(() => bench);
    sharingCases(() => bench);
    fileCases(() => bench);
    buildCases(() => bench);
    stageCases(() => bench);
    initCases(() => bench);
    leavingCases(() => bench);
    parentCases(() => bench);
    userCases(() => bench);
    withContainerCases(() => bench);
    terminalCases(() => bench);
  });
}

function foregroundCases(bench: () => Bench): void {
  it("runs a command to its end, with its output and its exit code", async () => {
    expect(await bench().sh("echo out; echo err >&2; exit 42")).toEqual({
      code: 42,
      stdout: "out\n",
      stderr: "err\n",
    });
    expect((await bench().sh("sh -c 'kill -9 $$'; exit $?")).code).toBe(137);
    expect(bench().containers.list({ all: true })).toEqual([]);
  });

  it("gives input to who is interactive, and to nobody else", async () => {
    const input = "a line\n";
    expect((await bench().run(["cat"], { interactive: true }, input)).stdout).toBe(input);
    expect(await bench().run(["cat"], {}, input)).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it("sets environment, directory, user and hostname as the request says", async () => {
    const { stdout } = await bench().sh("echo $A; pwd; id -u; hostname; echo $$", {
      environment: ["A=x y"],
      workingDirectory: "/made/for/it",
      user: "7:8",
      hostname: "box",
    });
    expect(stdout).toBe("x y\n/made/for/it\n7\nbox\n1\n");
  });

  it("keeps what was written apart from the image and from others", async () => {
    await bench().containers.create({
      image: bench().subject.image,
      name: "kept",
      command: ["sh", "-c", "echo x >>/kept; wc -l </kept | tr -d ' '"],
    });
    for (const count of ["1\n", "2\n"]) {
      const running = await bench().containers.start("kept", PIPES);
      expect(await new Response(running.stdout).text()).toBe(count);
      expect(await running.exited).toBe(0);
    }
    expect((await bench().sh("cat /kept")).code).not.toBe(0);
    expect((await bench().sh("echo x >/x", { readOnlyRoot: true })).stderr).toContain(
      "Read-only file system",
    );
  });
}

function backgroundCases(bench: () => Bench): void {
  it("keeps a container that is looked at, joined, stopped and removed", async () => {
    const script = `echo out; echo err >&2; trap 'echo bye; exit 3' TERM; echo ready; ${LOOP}`;
    await bench().start("web", script, { environment: ["A=1"] });
    expect(
      bench()
        .containers.list()
        .map(({ name, status }) => [name, status]),
    ).toEqual([["web", "running"]]);
    await bench().says("web", "ready");
    const joined = {
      command: ["sh", "-c", "echo $A$B; tr '\\0' ' ' </proc/1/cmdline"],
      environment: ["B=2"],
    };
    expect((await bench().exec("web", joined)).stdout).toMatch(/^12\nsh -c echo out/);
    await bench().containers.stop("web");
    expect(bench().containers.get("web")).toMatchObject({ status: "exited", exitCode: 3 });
    expect((await bench().logs("web")).sort()).toEqual(
      ["stderr err", "stdout bye", "stdout out", "stdout ready"].map((line) => `${line}\n`),
    );
    await bench().containers.stop("web"); // it is
    await bench().containers.remove("web");
    expect(bench().containers.list({ all: true })).toEqual([]);
  });

  it("kills what does not listen when the time is up", async () => {
    await bench().start("deaf", `trap '' TERM; echo ready; ${LOOP}`);
    await bench().says("deaf", "ready");
    await bench().containers.stop("deaf", { timeoutMs: 200 });
    expect(bench().containers.get("deaf")).toMatchObject({ exitCode: 137 });
  });

  it("sends any signal, and tells whoever waits how it ended", async () => {
    await bench().start("called", `trap 'exit 6' HUP; echo ready; ${LOOP}`);
    await bench().says("called", "ready");
    const waiting = bench().containers.wait("called");
    await bench().containers.kill("called", 1);
    expect(await waiting).toBe(6);
  });

  it("removes itself at its end where it shall, though nobody asks again", async () => {
    await bench().start("brief", "exit 9", { autoRemove: true });
    expect(
      await bench()
        .containers.wait("brief")
        .catch(({ kind }: NacreError) => kind),
    ).toSatisfy((end) => end === 9 || end === "not-found");
    await expect
      .poll(() => bench().containers.list({ all: true }), { timeout: 20_000 })
      .toEqual([]);
  });

  it("follows a log through all the files that it fills", async () => {
    const script = 'i=0; while [ $i -lt 150 ]; do i=$((i+1)); echo "line $i"; done';
    const log = { maxBytes: 500, maxFiles: 100 };
    await bench().start("chatty", `${script}; sleep 0.2; ${script}`, { log });
    const seen: string[] = [];
    for await (const { text } of bench().containers.logs("chatty", { follow: true })) {
      seen.push(text);
      if (seen.length === 300) break;
    }
    const once = Array.from({ length: 150 }, (_, i) => `line ${i + 1}\n`);
    expect(seen).toEqual([...once, ...once]);
    await bench().containers.wait("chatty");
    const last = [];
    for await (const { text } of bench().containers.logs("chatty", { tail: 20 })) last.push(text);
    expect(last).toEqual(once.slice(-20));
  });

  it("keeps no more of a log than it may, and none where none is wanted", async () => {
    const script = 'i=0; while [ $i -lt 150 ]; do i=$((i+1)); echo "line $i"; done';
    await bench().start("short", script, { log: { maxBytes: 1000, maxFiles: 2 } });
    await bench().containers.wait("short");
    const lines = await bench().logs("short");
    expect(lines.at(-1)).toBe("stdout line 150\n");
    expect(lines.length).toBeLessThan(30);
    await bench().start("silent", script, { logDriver: "none" });
    expect(await bench().containers.wait("silent")).toBe(0);
    const refused = await refusal(bench().logs("silent"));
    expect(refused).toMatchObject({ kind: "unsupported" });
  });

  it("checks the health of a container for as long as it runs", async () => {
    const { containers } = bench();
    const health = {
      test: ["CMD-SHELL", "echo seen; test ! -e /ill"],
      intervalMs: 500,
      retries: 2,
    };
    await bench().start("patient", LOOP, { health });
    expect(containers.get("patient").health?.status).toBe("starting");
    await containers.wait("patient", "healthy");
    expect(containers.list({ filters: { health: ["healthy"] } })).toHaveLength(1);
    expect(containers.inspect("patient")).toMatchObject({
      State: { Health: { Status: "healthy", FailingStreak: 0 } },
    });
    await bench().exec("patient", { command: ["touch", "/ill"] });
    await containers.wait("patient", "unhealthy");
    expect(containers.get("patient").health?.log.at(-1)).toMatchObject({
      ...{ exitCode: 1, output: "seen\n" },
    });
    await containers.remove("patient", { force: true });
  });

  it("shares the streams of a container with all who attach to it", async () => {
    const script = 'while read line; do echo "got $line"; echo "not $line" >&2; done; exit 4';
    await bench().start("shared", script, { interactive: true });
    const [one, other] = [
      await bench().containers.attach("shared"),
      await bench().containers.attach("shared"),
    ];
    const read = async ({ output }: typeof one, lines: number) => {
      const seen = { stdout: "", stderr: "" };
      for await (const { stream, bytes } of output) {
        seen[stream] += new TextDecoder().decode(bytes);
        if (`${seen.stdout}${seen.stderr}`.split("\n").length > lines) break;
      }
      return seen;
    };
    const input = (text: string) => new TextEncoder().encode(text);
    await one.write(input("a\n"));
    await other.write(input("b\n"));
    const seen = { stdout: "got a\ngot b\n", stderr: "not a\nnot b\n" };
    const [first, second] = await Promise.all([read(one, 4), read(other, 4)]);
    expect(first).toEqual(second);
    // Who writes first is first only by chance.
    expect(first.stdout.split("\n").sort()).toEqual(seen.stdout.split("\n").sort());
    expect(first.stderr.split("\n").sort()).toEqual(seen.stderr.split("\n").sort());
    one.close();
    other.close();
    const again = await bench().containers.attach("shared");
    await again.write(input("c\n"));
    expect(await read(again, 2)).toEqual({ stdout: "got c\n", stderr: "not c\n" });
    again.close();
    expect(bench().containers.get("shared").status).toBe("running");
    await bench().containers.remove("shared", { force: true });
    expect(await refusal(bench().containers.attach("shared"))).toMatchObject({
      kind: "not-found",
    });
  });

  it("lets nobody attach to what does not run", async () => {
    await bench().start("over", "exit 0");
    await bench().containers.wait("over");
    expect((await refusal(bench().containers.attach("over"))).kind).toBe("conflict");
  });

  it("records what happened in order", async () => {
    await bench().start("noted", "exit 0");
    await bench().containers.wait("noted");
    const { id } = bench().containers.get("noted");
    await bench().containers.remove("noted");
    const actions = [];
    for await (const event of bench().subject.engine.history()) {
      if (event.subject === id) actions.push(event.action);
    }
    expect(actions).toEqual(["create", "start", "die", "destroy"]);
  });
}

function refusalCases(bench: () => Bench): void {
  it("says what cannot be executed, and leaves no container of it", async () => {
    const missing = await refusal(bench().run(["no-such-command"]));
    expect(missing.kind).toBe("command-not-found");
    const denied = await refusal(bench().run(["/bin/broken"]));
    expect(denied.kind).toBe("command-not-executable");
    expect(bench().containers.list({ all: true })).toEqual([]);
  });

  it("refuses names that are taken, wrong or unknown", async () => {
    await bench().start("taken", "exit 0");
    expect((await refusal(bench().start("taken", "exit 0"))).kind).toBe("exists");
    expect((await refusal(bench().start("no/name", "exit 0"))).kind).toBe("invalid");
    expect((await refusal(bench().containers.stop("nobody"))).kind).toBe("not-found");
    expect((await refusal(bench().run(["true"], { network: "nowhere" }))).kind).toBe("not-found");
  });

  it("joins where its directory is, and makes none", async () => {
    await bench().start("somewhere", LOOP);
    const join = (workingDirectory: string) =>
      bench().exec("somewhere", { command: ["pwd"], workingDirectory });
    expect((await join("/tmp")).stdout).toBe("/tmp\n");
    expect((await refusal(join("/no/where"))).kind).toBe("command-not-found");
    expect((await refusal(join("/bin/broken"))).kind).toBe("command-not-executable");
    expect((await refusal(join("tmp"))).kind).toBe("command-not-executable");
    const look = { command: ["ls", "/no"] };
    expect((await bench().exec("somewhere", look)).stderr).toContain("No such file");
  });

  it("restarts one that removes itself, which then goes with its end", async () => {
    const { containers } = bench();
    const script = `echo x >>/count; wc -l </count | tr -d ' '; echo ready; ${LOOP}`;
    await bench().start("fleeting", script, { autoRemove: true });
    await bench().says("fleeting", "ready");
    const { id } = containers.get("fleeting");
    await containers.restart("fleeting", { timeoutMs: 0 });
    expect(containers.get("fleeting")).toMatchObject({ id, status: "running" });
    await bench().says("fleeting", "2");
    expect(containers.get("fleeting").keepers).toBeUndefined();
    await containers.stop("fleeting", { timeoutMs: 0 });
    expect(containers.list({ all: true })).toEqual([]);
    expect((await refusal(containers.restart("fleeting"))).kind).toBe("not-found");
  });

  it("refuses to join, signal or remove in the wrong state", async () => {
    await bench().containers.create({
      image: bench().subject.image,
      name: "idle",
      command: ["true"],
    });
    expect((await refusal(bench().exec("idle", { command: ["true"] }))).kind).toBe("conflict");
    expect((await refusal(bench().containers.kill("idle", 15))).kind).toBe("conflict");
    await bench().start("busy", LOOP);
    expect((await refusal(bench().containers.remove("busy"))).kind).toBe("conflict");
  });
}
