// The log driver `journald` on a machine in memory: what its supervisor sends, and what is read
// back through a journalctl that knows only that.

import { NacreError } from "@nacre/core/error.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import { checkTag, JOURNAL_SOCKET, journalFields } from "@nacre/engine/logs/journal-fields.ts";
import type { SimulatedProgram } from "@nacre/simulated/program.ts";
import { describe, expect, it } from "vitest";
import { type Simulation, simulate, tools } from "../../../cli/simulated.ts";

/** Fields by name; a message with its length before it is one of them. */
function fieldsOf(datagram: Uint8Array): Record<string, string> {
  const fields: Record<string, string> = {};
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
  const text = (from: number, to: number) => new TextDecoder().decode(datagram.subarray(from, to));
  for (let at = 0; at < datagram.length; ) {
    const end = datagram.indexOf(10, at);
    const line = text(at, end);
    const equals = line.indexOf("=");
    if (equals >= 0) {
      fields[line.slice(0, equals)] = line.slice(equals + 1);
      at = end + 1;
    } else {
      const size = Number(view.getBigUint64(end + 1, true));
      fields[line] = text(end + 9, end + 9 + size);
      at = end + 9 + size + 1;
    }
  }
  return fields;
}

/** `slow`: a journald that takes what was sent to it only when it is asked to. */
async function machine(journald: boolean, slow = false): Promise<Simulation> {
  let simulation: Simulation | undefined;
  let taken = slow ? 0 : Number.POSITIVE_INFINITY;
  const journalctl: SimulatedProgram = async ({ arguments: words, stdout }) => {
    if (words.includes("--sync")) {
      taken = Number.POSITIVE_INFINITY;
      return;
    }
    const id = words.at(-1)?.split("=")[1];
    const after = Number(words.find((word) => word.startsWith("--after-cursor="))?.slice(15) ?? -1);
    const entries = simulation?.kernel.machine.journal.slice(0, taken).map(fieldsOf) ?? [];
    for (const [cursor, entry] of entries.entries()) {
      if (cursor <= after || entry.CONTAINER_ID_FULL !== id) continue;
      const own = { __CURSOR: `${cursor}`, __REALTIME_TIMESTAMP: "1750000000123456" };
      await stdout.write(`${JSON.stringify({ ...entry, ...own })}\n`);
    }
  };
  simulation = await simulate({
    images: { shell: { files: tools } },
    programs: { journalctl },
  });
  await simulation.engine.images.pull("shell");
  if (journald) {
    const files = simulation.kernel.hostFiles();
    files.makeDirectory("/run/systemd/journal", 0o755);
    files.replace(JOURNAL_SOCKET, "");
    simulation.kernel.installProgram("journalctl");
  }
  return simulation;
}

const request = { image: "shell", detached: true, logDriver: "journald" } as const;

describe("the log driver journald", () => {
  it("gives each line its container's fields, and reads them back", async () => {
    await using simulation = await machine(true);
    const { containers } = simulation.engine;
    const { id } = await containers
      .run({
        ...{ ...request, name: "web", labels: { "com.team": "red" }, environment: ["A=b", "C=d"] },
        log: { tag: "{{.ImageName}}/{{ .Name }}", labels: ["com.team", "none"], env: ["A"] },
        command: ["sh", "-c", "echo out; echo err >&2; printf part"],
      })
      .then(({ container }) => container);
    await containers.wait(id);
    const sent = simulation.kernel.machine.journal.map(fieldsOf);
    const constant = {
      ...{ COM_TEAM: "red", A: "b", CONTAINER_ID: id.slice(0, 12), CONTAINER_ID_FULL: id },
      ...{ CONTAINER_NAME: "web", CONTAINER_TAG: "shell/web", SYSLOG_IDENTIFIER: "shell/web" },
      IMAGE_NAME: "shell",
    };
    expect(sent).toEqual(
      expect.arrayContaining([
        { ...constant, PRIORITY: "6", MESSAGE: "out" },
        { ...constant, PRIORITY: "3", MESSAGE: "err" },
        { ...constant, PRIORITY: "6", MESSAGE: "part", CONTAINER_PARTIAL_MESSAGE: "true" },
      ]),
    );
    const lines = [];
    for await (const line of containers.logs(id)) lines.push(line);
    expect(lines.map(({ stream, text }) => `${stream} ${text}`).sort()).toEqual([
      "stderr err\n",
      "stdout out\n",
      "stdout part",
    ]);
    expect(lines[0]).toMatchObject({
      timeMs: 1_750_000_000_123,
      time: "2025-06-15T15:06:40.123456000Z",
    });
  });

  it("follows what is still written", async () => {
    await using simulation = await machine(true);
    const { containers } = simulation.engine;
    const script = "for i in 1 2 3; do echo $i; sleep 2; done";
    const command = ["sh", "-c", script];
    await containers.run({ ...request, name: "slow", command });
    const lines = [];
    for await (const { text } of containers.logs("slow", { follow: true })) lines.push(text);
    expect(lines).toEqual(["1\n", "2\n", "3\n"]);
  });

  it("is read to its end, however far behind journald is", async () => {
    await using simulation = await machine(true, true);
    const { containers } = simulation.engine;
    await containers.run({ ...request, name: "brief", command: ["echo", "last words"] });
    await containers.wait("brief");
    const lines = [];
    for await (const { text } of containers.logs("brief")) lines.push(text);
    expect(lines).toEqual(["last words\n"]);
  });

  it("is refused where there is no journald, before anything is made", async () => {
    await using simulation = await machine(false);
    const { containers } = simulation.engine;
    const refused = await containers.create({ ...request, command: ["true"] }).catch((e) => e);
    expect(refused).toBeInstanceOf(NacreError);
    expect(refused.kind).toBe("unsupported");
    expect(refused.message).toContain(`there is no ${JOURNAL_SOCKET}`);
    expect(containers.list({ all: true })).toEqual([]);
  });
});

describe("fields of the journal", () => {
  const record = (labels: Record<string, string>, log = {}) =>
    ({ id: "a".repeat(64), name: "n", request: { image: "i", labels, log } }) as ContainerRecord;

  it("keep to journald's names, and to a line each", () => {
    const labels = { "__own.x": "a\nPRIORITY=0", é: "y", ok: "z" };
    const text = journalFields(record(labels, { labels: Object.keys(labels) }), []);
    expect(text.split("\n").slice(0, 3)).toEqual([
      "OWN_X=a PRIORITY=0",
      "OK=z",
      "CONTAINER_ID=aaaaaaaaaaaa",
    ]);
  });

  it("know a tag by its plain fields only", () => {
    expect(() => checkTag({ tag: "{{.ID}} {{.Name}}" })).not.toThrow();
    expect(() => checkTag({ tag: "{{.Nope}}" })).toThrow("there is no {{.Nope}}");
    expect(() => checkTag({ tag: "{{upper .ID}}" })).toThrow("there is no {{upper .ID}}");
  });
});
