// Modules that are rare among images: the command line's tests have one that works.

import { type GuestStreams, runGuest } from "@nacre/plugin-wasi/guest.ts";
import { describe, expect, it } from "vitest";
import { reactorModule, silentModule } from "./tool.ts";

/** Runs what stands at /module.wasm of an otherwise empty tree. */
async function ran(data: Uint8Array) {
  let said = "";
  const streams: GuestStreams = {
    read: () => 0,
    write: (_, bytes) => {
      said += new TextDecoder().decode(bytes);
      return true;
    },
    sleep: () => {},
  };
  const tree = [{ path: "/module.wasm", data }];
  const words = { arguments: ["/module.wasm"], environment: {}, workingDirectory: "/" };
  const { code } = await runGuest({ ...words, tree }, streams);
  return { code, said };
}

describe("a WebAssembly module as a process", () => {
  it("runs where it asks nothing of WASI", async () => {
    expect(await ran(silentModule())).toEqual({ code: 0, said: "" });
  });

  it("is refused with 126 where it is a library", async () => {
    expect(await ran(reactorModule())).toEqual({
      code: 126,
      said: "wasi: /module.wasm: it has no _start: a library (a reactor), not a command\n",
    });
  });

  it("is refused with 126 where it is a component", async () => {
    // component-model, design/mvp/Binary.md: version 13, layer 1.
    const component = Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0);
    const { code, said } = await ran(component);
    expect(code).toBe(126);
    expect(said).toContain("modules for WASI preview 1 can be run, components cannot");
  });
});
