// V8's compiled code for the Node of this build, so that not even the first start compiles.
//
// Everything is compiled, not only what one run happens to call: with `--no-lazy` set while the
// script is read, and reset before the code is written, since V8 takes code back only under the
// flags that it was written with.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { Script } from "node:vm";
import { DIST } from "./step.ts";

/** cli/start.ts wraps a chunk in the same words; V8 compares the length of the whole. */
const HEAD = "(function (exports, require, module, __filename, __dirname) {";
/** Loaded by every command, or by every one that touches containers or images. */
const HOT = /^(nacre|engine)-.*\.cjs$/;

export function compileAhead(): void {
  const suffix = `.${process.versions.v8}-${process.arch}.code`;
  for (const name of readdirSync(DIST).filter((each) => HOT.test(each))) {
    const source = `${HEAD}${readFileSync(join(DIST, name), "utf8")}\n})`;
    setFlagsFromString("--no-lazy");
    const script = new Script(source, {
      filename: join(DIST, name),
      columnOffset: -HEAD.length,
    });
    setFlagsFromString("--lazy");
    writeFileSync(join(DIST, name + suffix), script.createCachedData());
  }
}
