// A real program of WebAssembly, on both kernels: Ruby with its files, streams, exceptions, time.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MemoryContent } from "@nacre/plugin-registry/content.ts";
import { buildImage } from "@nacre/plugin-registry/image-builder.ts";
import { type RegistryServer, serveRegistry } from "@nacre/plugin-registry/server.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tar } from "../images/tar.ts";
import { rubyModule } from "../plugins/wasi/ruby.ts";

const NACRE = fileURLToPath(new URL("../../cli/bin/nacre", import.meta.url));

const module = await rubyModule().catch((error: Error) => error);

// It is fetched from npm when it is first needed: without a registry there is no Ruby to run.
describe.skipIf(module instanceof Error)("Ruby as an image of wasi/wasm", () => {
  let root: string;
  let server: RegistryServer;
  let image: string;

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), "nacre-ruby-"));
    const built = buildImage({
      layers: [
        {
          tar: tar([
            { name: "ruby.wasm", content: Buffer.from(module as Uint8Array) },
            { name: "srv/", type: "directory" },
            { name: "srv/names", content: "Ada\nGrace\n" },
          ]),
        },
      ],
      process: { Entrypoint: ["/ruby.wasm"] },
      platform: { os: "wasi", architecture: "wasm" },
    });
    const content = new MemoryContent();
    for (const [digest, bytes] of built.blobs) content.addBlob(bytes, digest);
    content.addManifest("ruby", "3.4", built.manifest);
    server = await serveRegistry(content);
    image = `${server.address}/ruby:3.4`;
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(root, { recursive: true, force: true });
  });

  it.each(["simulated", "linux"])("runs on the %s kernel", async (backend) => {
    const ruby = (script: string): Promise<{ code: unknown; stdout: string }> => {
      const state = ["--root", join(root, backend), "--backend", backend];
      const words = [...state, "run", "--rm", "-q", "-e", "WHO=you", image, "-e", script];
      return new Promise((resolve) => {
        execFile(NACRE, words, (error, stdout) => resolve({ code: error?.code ?? 0, stdout }));
      });
    };
    expect(await ruby("puts 1+1")).toEqual({ code: 0, stdout: "2\n" });
    const files =
      'p File.readlines("/srv/names", chomp: true), Dir.children("/").sort.first, ENV["WHO"]';
    expect((await ruby(files)).stdout).toBe('["Ada", "Grace"]\n"etc"\n"you"\n');
    const waiting = "before = Time.now; sleep 0.05; p Time.now - before >= 0.04";
    expect((await ruby(waiting)).stdout).toBe("true\n");
    expect((await ruby('raise "no"')).code).toBe(1);
  });
});
