// What nacre-init sends to journald: to a socket that stands for it, and to systemd's own where it
// is installed.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Operation } from "@nacre/core/program/operation.ts";
import { describe, expect, it } from "vitest";
import { benchForTests, outcomeOf } from "./engine-bench.ts";
import { kernel, scratch } from "./native.ts";

const SOCKET = fileURLToPath(new URL("journal-socket.py", import.meta.url));
const BESIDE = fileURLToPath(new URL("with-journald.sh", import.meta.url));
const NACRE = fileURLToPath(new URL("../../cli/bin/nacre", import.meta.url));
const IGNORE = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;

const sh = (script: string): Operation => ({
  ...{ op: "execute", arguments: ["sh", "-c", script], environment: [`PATH=${process.env.PATH}`] },
});

const program = (socket: string, script: string) => ({
  title: "a journal",
  host: [],
  process: {
    clone: { create: [], cgroups: [], joinPaths: [] },
    parent: [],
    child: [sh(script)],
    supervision: {
      ...({
        stdin: "null",
        output: "log",
        terminal: "none",
        collect: [],
        detached: false,
      } as const),
      journal: { socket, fields: "CONTAINER_NAME=web\nX=y\n" },
    },
  },
});

describe("journald's protocol", () => {
  it("has a datagram a line, of any bytes, and says of parts that they are", async () => {
    using directory = scratch();
    const path = join(directory.path, "socket");
    const server = spawn("python3", [SOCKET, path], { stdio: ["ignore", "pipe", "inherit"] });
    const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
    const next = async () => Buffer.from((await lines.next()).value as string, "hex");
    const head = (priority: number, partial = "") =>
      `CONTAINER_NAME=web\nX=y\nPRIORITY=${priority}\n${partial}MESSAGE\n`;
    const datagram = (start: string, message: Buffer) => {
      const size = Buffer.alloc(8);
      size.writeBigUInt64LE(BigInt(message.length));
      return Buffer.concat([Buffer.from(start), size, message, Buffer.from("\n")]);
    };
    try {
      expect((await lines.next()).value).toBe("ready");
      const script = "echo out; echo err >&2; printf 'a\\377\\n\\npart'";
      const running = await kernel().execute(program(path, script), IGNORE);
      expect((await running.exited).code).toBe(0);
      const sent: Buffer[] = [];
      for (let count = 0; count < 5; count++) sent.push(await next());
      // Two pipes have no order between them.
      const isError = (one: Buffer) => one.includes("PRIORITY=3\n");
      expect(sent.filter(isError)).toEqual([datagram(head(3), Buffer.from("err"))]);
      const partial = head(6, "CONTAINER_PARTIAL_MESSAGE=true\n");
      expect(sent.filter((one) => !isError(one))).toEqual([
        datagram(head(6), Buffer.from("out")),
        datagram(head(6), Buffer.from([0x61, 0xff])),
        datagram(head(6), Buffer.alloc(0)),
        datagram(partial, Buffer.from("part")),
      ]);
    } finally {
      server.kill();
    }
  });

  it("is not begun where there is no socket, and goes on where it has gone", async () => {
    using directory = scratch();
    const path = join(directory.path, "socket");
    await expect(kernel().execute(program(path, "true"), IGNORE)).rejects.toThrow(path);
    const server = spawn("python3", [SOCKET, path], { stdio: ["ignore", "pipe", "inherit"] });
    const gone = new Promise((resolve) => server.once("exit", resolve));
    const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe("ready");
    const script = "sleep 0.5; i=0; while [ $i -lt 999 ]; do echo $i; i=$((i+1)); done; exit 3";
    const running = await kernel().execute(program(path, script), IGNORE);
    server.kill("SIGKILL");
    await gone;
    expect((await running.exited).code).toBe(3);
  });
});

// Without systemd's journald there is nothing to try this on.
describe.skipIf(!existsSync("/lib/systemd/systemd-journald"))("beside systemd-journald", () => {
  const bench = benchForTests();

  it("a container's lines are there, and logs shows them", { timeout: 120_000 }, async () => {
    const nacre = `${NACRE} --root ${bench.root}`;
    const script = [
      `${nacre} run -d --name web --log-driver journald --log-opt tag=it/{{.Name}} ${bench.name()} sh -c 'echo out; echo err >&2; sleep 1; echo late'`,
      `timeout 60 ${nacre} logs -f web 2>&1 | sort`,
      "journalctl --quiet --no-pager -o cat -t it/web | sort",
      `${nacre} rm web`,
    ].join(" && ");
    await bench.unchanged(async () => {
      const child = spawn("unshare", ["-m", "sh", BESIDE, "sh", "-c", script]);
      const { stdout, stderr } = await outcomeOf(child);
      const [id, ...lines] = stdout.trim().split("\n");
      expect({ id, stderr }).toEqual({ id: expect.stringMatching(/^[0-9a-f]{64}$/), stderr: "" });
      expect(lines).toEqual(["err", "late", "out", "err", "late", "out", "web"]);
    });
  });
});
