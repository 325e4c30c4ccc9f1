// `npm run build`, which `npm ci` runs too: everything that is made from sources.
//
//   core/assembly    → core/dist/core.wasm              (AssemblyScript)
//   backends/linux   → backends/linux/dist/nacre-init   (C; and the addon, and nacre-start)
//   plugins/wasi     → cli/dist/plugins/wasi            a plugin, as others are
//   cli              → cli/dist                         the package `nacre`: bundles for the command
//                                                       line and for embedders, types, V8's code,
//                                                       and a Node that has loaded them, frozen
//
// Steps that do not need each other run at once; what is up to date is left alone.

import { buildBundles } from "./steps/bundles.ts";
import { compileAhead } from "./steps/code-cache.ts";
import { buildCore } from "./steps/core.ts";
import { buildDeclarations } from "./steps/declarations.ts";
import { freezeNode, removeImages } from "./steps/frozen.ts";
import { buildInit } from "./steps/init.ts";
import { Notices } from "./steps/notices.ts";
import { placeAssets, recordNode } from "./steps/package.ts";
import { buildPlugins } from "./steps/plugins.ts";
import { timed } from "./steps/step.ts";

const startedMs = performance.now();
removeImages();
const notices = new Notices();
const core = timed("core.wasm", buildCore);
await Promise.all([
  core,
  timed("nacre-init", buildInit),
  timed("types", buildDeclarations),
  timed("bundles", () => buildBundles(core, notices)),
  timed("plugins", () => buildPlugins(notices)),
]);
await timed("package", placeAssets);
notices.write();
await timed("compiled code", compileAhead);
recordNode();
await timed("frozen Node", freezeNode);
console.log(`built in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
