// Which bundles a command reads. Node itself is asked, by a script that is loaded before ours and
// writes down what is read.

import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const START = fileURLToPath(new URL("../../cli/dist/start.cjs", import.meta.url));
const RECORDER = `
const fs = require("node:fs");
const open = fs.openSync;
fs.openSync = (path, ...rest) => {
  if (/\\.cjs$/.test(String(path))) fs.appendFileSync(process.env.READ_LOG, path + "\\n");
  return open(path, ...rest);
};`;

/** Their names without their hashes, in order. */
export function bundlesRead(...words: string[]): string[] {
  return readBy(words, 0);
}

/** The same of a command that ends with `code`. */
export function bundlesReadInVain(code: number, ...words: string[]): string[] {
  return readBy(words, code);
}

function readBy(words: readonly string[], code: number): string[] {
  const directory = mkdtempSync(join(tmpdir(), "nacre-loading-"));
  try {
    const [recorder, log] = [join(directory, "recorder.cjs"), join(directory, "log")];
    writeFileSync(recorder, RECORDER);
    const node = ["--disable-warning=ExperimentalWarning", "--require", recorder];
    // A file: a container that is only made keeps a pipe open.
    const said = openSync(join(directory, "said"), "w");
    const { status } = spawnSync(process.execPath, [...node, START, ...words], {
      env: { ...process.env, READ_LOG: log },
      stdio: ["ignore", "ignore", said],
    });
    closeSync(said);
    if (status !== code) {
      const text = readFileSync(join(directory, "said"), "utf8");
      throw new Error(`${words.join(" ")} ended with ${status}: ${text}`);
    }
    const bundle = /-[\w-]{8}\.cjs$/;
    const read = readFileSync(log, "utf8").split("\n");
    return read
      .filter((path) => bundle.test(path))
      .map((path) => basename(path).replace(bundle, ""));
  } finally {
    rmSync(directory, { recursive: true });
  }
}
