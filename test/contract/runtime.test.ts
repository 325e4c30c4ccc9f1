import { fileURLToPath } from "node:url";
import { WasiRuntime } from "@nacre/plugin-wasi/runtime.ts";
import { toolModule } from "../plugins/wasi/tool.ts";
import { runtimeContract } from "./runtime.ts";

/** Built: a thread runs what Node can load by itself. */
const SCRIPTS = fileURLToPath(new URL("../../plugins/wasi/dist", import.meta.url));

runtimeContract("wasi", () => {
  const tool = (...words: string[]) => ["/tool.wasm", ...words];
  return {
    runtime: new WasiRuntime(SCRIPTS),
    files: { "/tool.wasm": toolModule(), "/text": new TextEncoder().encode("no module") },
    commands: {
      print: (words) => tool("print", ...words),
      environment: tool("env"),
      copy: tool("cat"),
      read: (path) => tool("cat", path),
      write: (path, text) => tool("write", path, text),
      exit: (code) => tool("exit", String(code)),
      forever: tool("loop"),
      unfit: ["/text"],
    },
  };
});
