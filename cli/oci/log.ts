// What a runtime says of its troubles: to standard error for people, and to the file of --log for
// those who start it. Podman and docker read JSON lines there, as runc writes them.

import { NacreError } from "@nacre/core/error.ts";
import { neutraliseLines } from "../text/escape.ts";
import type { OciHost } from "./host.ts";

type Level = "error" | "warning";

export class Log {
  readonly #host: OciHost;
  readonly #name: string;
  readonly #path: string | undefined;
  readonly #format: "text" | "json";

  constructor(host: OciHost, name: string, path: string | undefined, format: "text" | "json") {
    this.#host = host;
    this.#name = name;
    this.#path = path === "" ? undefined : path;
    this.#format = format;
  }

  warning(message: string): void {
    this.#write("warning", message);
    this.#host.printError(`${this.#name}: warning: ${neutraliseLines(message)}\n`);
  }

  error(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#write("error", message);
    const advice = error instanceof NacreError && error.advice ? `\n${error.advice}` : "";
    const known = error instanceof NacreError || (error as Error)?.name === "FlagError";
    const stack = known ? "" : `\n${(error as Error)?.stack ?? ""}`;
    this.#host.printError(`${this.#name}: ${neutraliseLines(message + advice + stack)}\n`);
  }

  #write(level: Level, msg: string): void {
    if (this.#path === undefined) return;
    const time = new Date(this.#host.nowMs()).toISOString();
    const line =
      this.#format === "json"
        ? JSON.stringify({ level, msg, time })
        : `time=${JSON.stringify(time)} level=${level} msg=${JSON.stringify(msg)}`;
    try {
      this.#host.appendFile(this.#path, `${line}\n`);
    } catch {
      // Standard error has it.
    }
  }
}
