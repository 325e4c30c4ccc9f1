// `npm run fuzz [SECONDS]`: libFuzzer on the format of programs, with the decoder of nacre-init under
// AddressSanitizer (Debian: clang, libclang-rt-dev). It begins with what was kept, and keeps what
// reaches more; a finding is written beside the corpus and makes the command fail. Nothing of the
// machine's kernel is touched.

import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { packCorpus, unpackCorpus } from "../test/fuzz/corpus.ts";
import { seeds } from "../test/fuzz/seeds.ts";

const NATIVE = fileURLToPath(new URL("../backends/linux/native", import.meta.url));
const HARNESS = fileURLToPath(new URL("../test/fuzz/program.c", import.meta.url));
const CORPUS = fileURLToPath(new URL("../test/fuzz/corpus.bin", import.meta.url));
const FINDINGS = fileURLToPath(new URL("../test/fuzz/findings", import.meta.url));
const USUAL_SECONDS = 600;
/** Larger messages reach nothing that small ones do not. */
const MOST_BYTES = 4096;

function clang(): string {
  const names = ["clang", ...Array.from({ length: 8 }, (_, i) => `clang-${21 - i}`), "clang-14"];
  const found = names.find((name) => spawnSync(name, ["--version"]).status === 0);
  if (found) return found;
  console.error("fuzzing needs clang and its run-time library: apt install clang libclang-rt-dev");
  return process.exit(1);
}

function build(to: string): string {
  const binary = join(to, "fuzz-program");
  const sources = readdirSync(NATIVE).filter((name) => name.endsWith(".c"));
  const options = ["-std=gnu11", "-D_GNU_SOURCE", "-g", "-O1", "-Dmain=nacre_main", `-I${NATIVE}`];
  const checks = "-fsanitize=fuzzer,address,undefined";
  execFileSync(
    clang(),
    [
      ...options,
      ...[checks, "-fno-sanitize-recover=all", "-o", binary, HARNESS],
      ...sources.map((name) => join(NATIVE, name)),
    ],
    { stdio: "inherit" },
  );
  return binary;
}

function fuzz(folder: string, seconds: number): number {
  const binary = build(folder);
  const [found, kept] = [join(folder, "found"), join(folder, "kept")];
  for (const path of [found, kept, FINDINGS]) mkdirSync(path, { recursive: true });
  const begin = [...(existsSync(CORPUS) ? unpackCorpus(readFileSync(CORPUS)) : []), ...seeds()];
  for (const [i, bytes] of begin.entries()) writeFileSync(join(found, `seed-${i}`), bytes);
  const run = (...words: string[]) =>
    spawnSync("nice", ["-n", "19", binary, `-max_len=${MOST_BYTES}`, "-verbosity=1", ...words], {
      stdio: "inherit",
    }).status ?? 1;
  const limits = [`-max_total_time=${seconds}`, "-timeout=5", "-rss_limit_mb=1024"];
  const status = run(...limits, "-print_final_stats=1", `-artifact_prefix=${FINDINGS}/`, found);
  if (status !== 0) return status;
  const merged = run("-merge=1", kept, found);
  const files = readdirSync(kept).sort();
  writeFileSync(CORPUS, packCorpus(files.map((name) => readFileSync(join(kept, name)))));
  console.log(`no finding in ${seconds} s; ${files.length} messages are kept in ${CORPUS}`);
  return merged;
}

const folder = mkdtempSync(join(tmpdir(), "nacre-fuzz-"));
try {
  process.exitCode = fuzz(folder, Number(process.argv[2] ?? USUAL_SECONDS));
} finally {
  rmSync(folder, { recursive: true });
  if (existsSync(FINDINGS) && readdirSync(FINDINGS).length === 0)
    rmSync(FINDINGS, { recursive: true });
}
