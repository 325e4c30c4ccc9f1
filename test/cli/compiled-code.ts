// V8's compiled code beside the bundles: which of it V8 takes back.

import { execFileSync } from "node:child_process";
import { NODE_FLAGS } from "../../cli/node-flags.ts";

const SCRIPT = `
  const { readdirSync, readFileSync } = require("node:fs");
  const [directory] = process.argv.slice(-1);
  const version = "." + process.versions.v8 + "-" + process.arch + ".";
  const compiled = readdirSync(directory).filter(
    (name) => name.includes(version) && name.endsWith(".code"),
  );
  const refused = compiled.filter((name) => {
    const source = readFileSync(directory + "/" + /^.*?\\.cjs/.exec(name)[0], "latin1");
    const cachedData = readFileSync(directory + "/" + name);
    return new (require("node:vm").Script)(source, { cachedData }).cachedDataRejected;
  });
  console.log(JSON.stringify({ compiled, refused }));`;

/** The files of code for `node`, and those that it refuses under the flags that it is started with. */
export function compiledCode(
  node: string,
  directory: string,
): { readonly compiled: readonly string[]; readonly refused: readonly string[] } {
  const env = { ...process.env, NODE_OPTIONS: "" };
  const words = [...NODE_FLAGS, "-e", SCRIPT, directory];
  return JSON.parse(execFileSync(node, words, { encoding: "utf8", env }));
}
