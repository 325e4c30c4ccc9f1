// The demonstration's image: a static program of our own, made here from C, in three layers.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { MemoryContent } from "@nacre/plugin-registry/content.ts";
import { buildImage } from "@nacre/plugin-registry/image-builder.ts";

const SOURCE = fileURLToPath(new URL("look.c", import.meta.url));
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** What this machine lacks for a real run; empty where nothing is missing. */
export function missingForDemo(): string[] {
  const missing: string[] = [];
  if (process.platform !== "linux") missing.push(`Linux (this is ${process.platform})`);
  else if (process.getuid?.() !== 0) missing.push("root: run it with sudo");
  for (const command of ["cc", "tar"]) {
    try {
      execFileSync(command, ["--version"], { stdio: "ignore" });
    } catch {
      missing.push(`the command ${command}`);
    }
  }
  return missing;
}

/** A layer's tar from names and contents, the same bytes each time. */
function layer(folder: string, files: Readonly<Record<string, string | Buffer>>): Buffer {
  const root = mkdtempSync(join(folder, "layer-"));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content, { mode: name.startsWith("bin/") ? 0o755 : 0o644 });
  }
  const stable = [
    "--sort=name",
    "--mtime=@1700000000",
    "--owner=0",
    "--group=0",
    "--numeric-owner",
  ];
  return execFileSync("tar", [...stable, "-C", root, "-cf", "-", "."], { maxBuffer: 64 << 20 });
}

/** The image under `demo/look:latest`. */
export async function demoContent(): Promise<MemoryContent> {
  const folder = mkdtempSync(join(tmpdir(), "nacre-demo-image-"));
  try {
    const program = join(folder, "look");
    execFileSync("cc", ["-O2", "-static", "-s", "-o", program, SOURCE]);
    const image = buildImage({
      platform: { os: "linux", architecture: ARCHITECTURES[process.arch] ?? process.arch },
      created: "2023-11-14T22:13:20Z",
      process: { Cmd: ["/bin/look"], Env: ["PATH=/bin"], WorkingDir: "/" },
      layers: [
        {
          tar: layer(folder, {
            "bin/look": readFileSync(program),
            "etc/passwd": "root:x:0:0:root:/:/bin/look\n",
            "etc/greeting": "hello from the bottom layer\n",
            "etc/secret": "to be deleted\n",
          }),
          createdBy: "the program and its first greeting",
        },
        {
          tar: layer(folder, { "etc/greeting": "hello from the layer above\n" }),
          createdBy: "a file that hides another",
        },
        {
          tar: layer(folder, { "etc/.wh.secret": "" }),
          createdBy: "a deletion, which is a mark",
        },
      ],
    });
    const content = new MemoryContent();
    for (const [digest, bytes] of image.blobs) content.addBlob(bytes, digest);
    content.addManifest("demo/look", "latest", image.manifest);
    return content;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
