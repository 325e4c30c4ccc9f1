// Foregrounds that are left, or shared, or only fed, on whatever kernel: part of engineContract.

import type { Attached, Attachment } from "@nacre/engine/engine.ts";
import { expect, it } from "vitest";
import type { Bench } from "./engine.ts";
import { refusal } from "./engine.ts";

const PIPES = { stdin: "pipe", stdout: "pipe", stderr: "pipe" } as const;
const KEYS = { detachKeys: [16, 17] } as const;
const ECHO = 'echo ready; while read line; do echo "got $line"; done; exit 4';
const TERMINAL = { terminal: true, interactive: true } as const;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A foreground that is typed to and looked at. */
class Screen {
  readonly running: Attached;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #seen = "";

  constructor(running: Attached) {
    this.running = running;
    this.#writer = running.stdin!.getWriter();
    this.#reader = running.stdout!.getReader();
  }

  type(text: string): Promise<void> {
    return this.#writer.write(bytes(text));
  }
  async shows(wanted: string): Promise<void> {
    while (!this.#seen.includes(wanted)) {
      const { value, done } = await this.#reader.read();
      if (done) expect.unreachable(`it never showed ${wanted}, but ${this.#seen}`);
      this.#seen += new TextDecoder().decode(value);
    }
  }
}

async function sees({ output }: Attachment, wanted: string): Promise<void> {
  let seen = "";
  for await (const { bytes } of output) {
    seen += new TextDecoder().decode(bytes);
    if (seen.includes(wanted)) return;
  }
  expect.unreachable(`it never wrote ${wanted}, but ${seen}`);
}

export function leavingCases(bench: () => Bench): void {
  const screen = async (name: string, more = {}, script = ECHO) => {
    const { containers, subject } = bench();
    const request = { image: subject.image, name, command: ["sh", "-c", script], ...TERMINAL };
    const shown = new Screen(await containers.run({ ...request, ...more }, PIPES, KEYS));
    await shown.shows("ready");
    return shown;
  };

  it("goes on in the background when whoever has its terminal leaves", async () => {
    const { containers } = bench();
    const shown = await screen("left");
    await shown.type("one\r");
    await shown.shows("got one");
    // The first of the keys alone is for the container.
    await shown.type("\x10two\r");
    await shown.shows("two");
    await shown.type("\x10");
    await shown.type("\x11");
    expect(await shown.running.exited).toBe(0);
    expect(containers.get("left")).toMatchObject({
      status: "running",
      request: { detached: true },
    });
    const attachment = await containers.attach("left");
    await attachment.write(bytes("three\r"));
    await sees(attachment, "got three");
    attachment.close();
    await containers.kill("left", 9);
    expect(await containers.wait("left")).toBe(137);
    const log = (await bench().logs("left")).join("");
    expect(log.indexOf("got one")).toBeGreaterThan(-1);
    expect(log.indexOf("got three")).toBeGreaterThan(log.indexOf("got one"));
  });

  it("is removed at its end, with nobody there any more", async () => {
    const shown = await screen("brief", { autoRemove: true });
    await shown.type("\x10\x11");
    expect(await shown.running.exited).toBe(0);
    const attachment = await bench().containers.attach("brief");
    await attachment.write(bytes("\x04"));
    await expect
      .poll(() => bench().containers.list({ all: true }), { timeout: 20_000 })
      .toEqual([]);
  });

  it("can be started into the foreground again, and ends there", async () => {
    const { containers } = bench();
    const first = await screen("again");
    await first.type("\x10\x11");
    expect(await first.running.exited).toBe(0);
    await containers.kill("again", 9);
    await containers.wait("again");
    const second = await containers.start("again", PIPES, { detached: false, ...KEYS });
    const shown = new Screen(second);
    await shown.shows("ready");
    await shown.type("\x04");
    expect(await second.exited).toBe(4);
    expect(containers.get("again")).toMatchObject({ status: "exited", exitCode: 4 });
  });

  it("leaves a command in a container running as well", async () => {
    const { containers } = bench();
    await bench().start("busy", "while :; do sleep 0.05; done");
    const command = ["sh", "-c", "echo ready; read line; echo $line >/line; sleep 1000"];
    const joined = new Screen(
      await containers.exec("busy", { command, ...TERMINAL, ...KEYS }, PIPES),
    );
    await joined.shows("ready");
    await joined.type("typed\r\x10\x11");
    expect(await joined.running.exited).toBe(0);
    const read = () => bench().exec("busy", { command: ["cat", "/line"] });
    await expect.poll(async () => (await read()).stdout, { timeout: 20_000 }).toBe("typed\n");
    const commands = () => containers.top("busy").map(({ arguments: words }) => words.join(" "));
    await expect.poll(commands, { timeout: 20_000 }).toContain("sleep 1000");
  });

  it("gets all that was written to it before whoever attached left", async () => {
    const { containers, subject } = bench();
    const request = { image: subject.image, interactive: true, detached: true } as const;
    const counts = ["sh", "-c", "head -c 300000 | wc -c; sleep 1000"];
    await containers.run({ ...request, name: "lines", command: ["sh", "-c", ECHO] }, PIPES);
    await containers.run({ ...request, name: "large", command: counts }, PIPES);
    const lines = await containers.attach("lines");
    const written = ["one", "two", "three"].map((word) => lines.write(bytes(`${word}\n`)));
    lines.resize(24, 80);
    await Promise.all(written);
    lines.close();
    const large = await containers.attach("large");
    await large.write(new Uint8Array(300_000));
    large.close();
    const log = async (name: string) => (await bench().logs(name)).join("");
    const options = { timeout: 20_000 };
    await expect.poll(() => log("lines"), options).toContain("got three");
    await expect.poll(() => log("large"), options).toContain("300000");
  });

  it("is shared with those who attach while somebody has it in the foreground", async () => {
    const { containers, subject } = bench();
    const shown = await screen("shared");
    const other = await containers.attach("shared");
    const seen = sees(other, "got mine");
    await other.write(bytes("mine\r"));
    await Promise.all([seen, shown.shows("got mine")]);
    other.close();
    await shown.type("\x04");
    expect(await shown.running.exited).toBe(4);
    // Without a terminal, its output.
    const script = "read line; echo out; echo err >&2; read line";
    const request = { image: subject.image, name: "plain", command: ["sh", "-c", script] };
    const running = await containers.run({ ...request, interactive: true }, PIPES);
    const beside = await containers.attach("plain");
    const writer = running.stdin!.getWriter();
    await writer.write(bytes("go\n"));
    await sees(beside, "out");
    beside.close();
    await writer.close();
    await running.exited;
  });

  it("says why nobody can attach to what goes straight to its caller", async () => {
    const { containers, subject } = bench();
    const request = { image: subject.image, name: "direct", command: ["sh", "-c", "read line"] };
    const running = await containers.run(
      { ...request, interactive: true, autoRemove: true },
      PIPES,
    );
    const refused = await refusal(containers.attach("direct"));
    expect(refused).toMatchObject({ kind: "conflict" });
    expect(refused.message).toContain("straight to who started it");
    await running.stdin!.close();
    await running.exited;
  });

  it("feeds one in the background, and leaves it to its input", async () => {
    const { containers, subject } = bench();
    const request = { image: subject.image, name: "fed", command: ["cat"], interactive: true };
    const streams = { stdin: "pipe", stdout: "ignore", stderr: "ignore" } as const;
    const fed = await containers.run({ ...request, detached: true }, streams, { feeds: true });
    expect(await fed.exited).toBe(0);
    const writer = fed.stdin!.getWriter();
    await writer.write(bytes("fed\n"));
    await writer.close();
    expect(await containers.wait("fed")).toBe(0);
    expect(await bench().logs("fed")).toEqual(["stdout fed\n"]);
  });
}
