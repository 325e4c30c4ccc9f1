// Pseudo-terminals: a pair of ends with a line discipline between them, as far as a container's
// terminal needs it: echo, lines, the characters for interrupt and end, and `\n` shown as `\r\n`.
// Source: pty(7), termios(3).

import { SIGNALS } from "@nacre/core/program/signals.ts";
import { fail } from "./errno.ts";
import type { Execution } from "./execution.ts";
import type { Of } from "./host-operations.ts";
import { openTree } from "./mount-calls.ts";
import { lookup } from "./path-lookup.ts";
import { type Descriptor, Pipe } from "./pipe.ts";
import type { Process } from "./process.ts";
import { newSession } from "./process-calls.ts";
import type { ProgramTerminal } from "./program.ts";
import { attachInRoot, openedRoot } from "./root-operations.ts";

const INTERRUPT = 3;
const END = 4;
const BACKSPACE = 8;
const LINE_FEED = 10;
const RETURN = 13;
const QUIT = 28;
const ERASE = 127;

export class Terminal implements ProgramTerminal {
  readonly number: number;
  rows: number;
  columns: number;
  echo = true;
  lines = true;
  signals = true;
  /** The leader of the process group in front, which the signals of what is typed go to (tcgetpgrp(3)). */
  front: Process | undefined;
  /** Called with the signal that a typed character stands for. */
  onSignal: (signal: number) => void = () => {};
  /** Called when nobody has the master any more: its number is free. */
  onHangUp: () => void = () => {};
  readonly #toSlave = new Pipe();
  readonly #toMaster = new Pipe();
  readonly #input: Descriptor;
  readonly #output: Descriptor;
  #line: number[] = [];

  constructor(number: number, rows: number, columns: number) {
    this.number = number;
    this.rows = rows;
    this.columns = columns;
    this.#input = this.#toSlave.writeEnd();
    this.#output = this.#toMaster.writeEnd();
  }

  get path(): string {
    return `/dev/pts/${this.number}`;
  }

  resize(size: { readonly rows?: number; readonly columns?: number }): void {
    const { rows = this.rows, columns = this.columns } = size;
    if (rows === this.rows && columns === this.columns) return;
    this.rows = rows;
    this.columns = columns;
    this.onSignal(SIGNALS.WINCH);
  }

  /** The master: what is typed goes in, what is shown comes out. */
  master(): Descriptor {
    const shown = this.#toMaster.readEnd();
    return {
      read: () => shown.read(),
      write: (bytes) => this.#type(bytes),
      duplicate: () => this.master(),
      close: () => {
        shown.close();
        this.hangUp();
      },
    };
  }

  /** The slave: the standard streams of a process. */
  slave(): Descriptor {
    const typed = this.#toSlave.readEnd();
    return {
      read: async (wanted) => {
        const chunk = await typed.read(wanted);
        return chunk && chunk[0] === END && chunk.length === 1 ? undefined : chunk;
      },
      write: (bytes) => this.#show(bytes),
      duplicate: () => this.slave(),
      close: () => typed.close(),
    };
  }

  hangUp(): void {
    this.onHangUp();
    this.onHangUp = () => {};
    this.#input.close();
    this.#output.close();
  }

  async #show(bytes: Uint8Array): Promise<void> {
    const shown: number[] = [];
    for (const byte of bytes) {
      if (byte === LINE_FEED) shown.push(RETURN);
      shown.push(byte);
    }
    await this.#output.write(Uint8Array.from(shown));
  }

  async #type(bytes: Uint8Array): Promise<void> {
    for (const typed of bytes) await this.#character(typed === RETURN ? LINE_FEED : typed);
  }

  async #echo(bytes: Uint8Array): Promise<void> {
    if (this.echo) await this.#show(bytes);
  }

  async #character(byte: number): Promise<void> {
    if (this.signals && (byte === INTERRUPT || byte === QUIT)) {
      this.#line = [];
      await this.#echo(new TextEncoder().encode(byte === INTERRUPT ? "^C" : "^\\"));
      return this.onSignal(byte === INTERRUPT ? SIGNALS.INT : SIGNALS.QUIT);
    }
    if (!this.lines) {
      const all = Uint8Array.from([...this.#line, byte]);
      this.#line = [];
      await this.#echo(Uint8Array.of(byte));
      return this.#input.write(all);
    }
    if (byte === ERASE || byte === BACKSPACE) {
      if (this.#line.pop() !== undefined) await this.#echo(Uint8Array.of(8, 32, 8));
      return;
    }
    if (byte === END) {
      const rest = this.#line.length > 0 ? this.#line : [END];
      this.#line = [];
      return this.#input.write(Uint8Array.from(rest));
    }
    this.#line.push(byte);
    await this.#echo(Uint8Array.of(byte));
    if (byte !== LINE_FEED) return;
    const line = Uint8Array.from(this.#line);
    this.#line = [];
    await this.#input.write(line);
  }
}

/** A pty of the container's own devpts, as its standard streams and, of the first process, on /dev/console. */
export function openTerminal(self: Execution, o: Of<"openTerminal">): void {
  const { machine, process } = self;
  const inRoot = openedRoot(self);
  const ptmx = lookup(process, "/dev/pts/ptmx", { inRoot, noMagicLinks: true });
  if (ptmx.mount.superblock.type !== "devpts") fail("ENODEV", "/dev/pts is not devpts");
  const { root } = ptmx.mount.superblock;
  const taken = new Set(root.names());
  let number = 0;
  while (taken.has(String(number))) number++;
  const device = { major: 136, minor: number };
  const attributes = { mode: 0o620, uid: process.credentials.fsUid, gid: 5, device };
  root.create(String(number), "character", attributes);
  const slave = lookup(process, `/dev/pts/${number}`, { inRoot, noMagicLinks: true });
  const tree = openTree(machine, process, slave, { recursive: false });
  if (!o.joins) attachInRoot(self, tree, "/dev/console");
  if (process.session !== process) newSession(machine, process);
  const terminal = new Terminal(number, o.rows, o.columns);
  terminal.front = process.group;
  terminal.onSignal = (signal) => machine.processes.signalFront(terminal, signal);
  terminal.onHangUp = () => root.unlink(String(number));
  const { stdin, stdout, stderr } = process.streams;
  for (const stream of [stdin, stdout, stderr]) stream.close();
  process.streams = {
    stdin: terminal.slave(),
    stdout: terminal.slave(),
    stderr: terminal.slave(),
  };
  process.terminal = terminal;
}
