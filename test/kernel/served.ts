// `nacre registry serve`, until it is stopped.

import { spawn } from "node:child_process";
import { expect } from "vitest";
import { NACRE } from "./engine-bench.ts";

export interface Served {
  readonly address: string;
  stop(): Promise<void>;
}

/** The images in `root`, at a free port of loopback. */
export async function served(root: string, ...options: string[]): Promise<Served> {
  const words = ["--root", root, "registry", "serve", "-q", "--address", "127.0.0.1:0"];
  const child = spawn(NACRE, [...words, ...options], { stdio: ["ignore", "pipe", "inherit"] });
  const address = await new Promise<string>((resolve, reject) => {
    let text = "";
    child.once("exit", () => reject(new Error(`it ended: ${text}`)));
    child.stdout.on("data", (bytes) => {
      text += String(bytes);
      // With -q the address is all that it prints.
      if (text.endsWith("\n")) resolve(text.trim());
    });
  });
  return {
    address,
    async stop() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      expect(await ended).toBe(0);
    },
  };
}
