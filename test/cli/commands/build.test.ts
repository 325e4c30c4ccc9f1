import { NacreError } from "@nacre/core/error.ts";
import { beginsLikeTar } from "@nacre/engine/build/tar-like.ts";
import type { BuildCacheEntry, BuildEvent } from "@nacre/engine/engine.ts";
import { describe, expect, it } from "vitest";
import { isGit, parseOutput } from "../../../cli/build-options.ts";
import { parseCacheFilter } from "../../../cli/cache-filter.ts";
import { FakeEngine } from "../fake-engine.ts";
import { nacre } from "../fake-host.ts";
import { imageRecord } from "../fake-records.ts";

const bytes = (text: string) => Buffer.from(text);
const step = (number: number, state: "started" | "cached" | "done" | "failed", tookMs = 0) =>
  ({ type: "step", number, name: `[${number}/2] RUN x`, state, tookMs }) satisfies BuildEvent;

async function built(words: readonly string[], settings: object = {}) {
  const engine = new FakeEngine();
  const result = await nacre(["build", ...words], { engine, ...settings });
  return { ...result, engine, options: engine.calls.find(([name]) => name === "build")?.[1] };
}

describe("build", () => {
  it("hands on what is asked", async () => {
    const { code, options } = await built(
      [
        ...[
          "-t",
          "app",
          "--tag=app:2",
          "--build-arg",
          "A=1",
          "--build-arg",
          "HERE",
          "--label",
          "k=v",
        ],
        ...[
          "--target",
          "last",
          "--no-cache",
          "--pull",
          "--network",
          "none",
          "--add-host",
          "h:1.2.3.4",
        ],
        ...["--secret", "id=s,src=file", "--secret", "id=e,env=TOKEN", "--ssh", "default", "."],
      ],
      {
        files: { "/work-directory/file": "" },
        environment: { HERE: "x", TOKEN: "t", SSH_AUTH_SOCK: "/agent", SOURCE_DATE_EPOCH: "12" },
      },
    );
    expect(code).toBe(0);
    expect(options).toMatchObject({
      context: { directory: "/work-directory" },
      ...{ tags: ["app", "app:2"], buildArgs: { A: "1", HERE: "x" }, labels: { k: "v" } },
      ...{ target: "last", noCache: true, pull: true, network: "none", sourceDateEpoch: 12 },
      extraHosts: ["h:1.2.3.4"],
      secrets: [
        { id: "s", file: "/work-directory/file" },
        { id: "e", value: "t" },
      ],
      ssh: { default: "/agent" },
    });
  });

  it("takes the Dockerfile that -f names, in the context or not, or standard input", async () => {
    const files = { "/work-directory/ctx/sub/D": "FROM a", "/work-directory/D": "FROM b" };
    const inside = await built(["-f", "ctx/sub/D", "ctx"], { files });
    expect(inside.options).toMatchObject({
      dockerfile: "sub/D",
      dockerfileText: { name: "ctx/sub/D", text: "FROM a" },
    });
    const nowhere = await built(["-f", "/nowhere/D", "ctx"], { absent: ["/nowhere/D"] });
    expect(nowhere.err).toContain("no Dockerfile at /nowhere/D\n");
    const outside = await built(["-f", "D", "ctx"], { files });
    expect(outside.options).not.toHaveProperty("dockerfile");
    const standard = await built(["-f", "-", "ctx"], { input: "FROM c" });
    expect(standard.options).toMatchObject({ dockerfileText: { text: "FROM c" } });
    const alone = await built(["-"], { input: "FROM d" });
    expect(alone.options).toMatchObject({ dockerfileText: { name: "Dockerfile", text: "FROM d" } });
    expect((await built(["-f", "-", "-"])).code).toBe(1);
    const git = await built(["https://example.org/a.git#main:sub"]);
    expect(git.options).toMatchObject({ context: { git: "https://example.org/a.git#main:sub" } });
    const tar = await built(["https://example.org/a.tar"]);
    expect(tar.options).toMatchObject({ context: { address: "https://example.org/a.tar" } });
  });

  it("shows steps as lines in a pipe, with their number, time and state", async () => {
    const engine = new FakeEngine();
    engine.builds.events = [
      step(1, "started"),
      step(1, "cached"),
      step(2, "started"),
      { type: "output", number: 2, stream: 1, bytes: bytes("one\ntw") },
      { type: "output", number: 2, stream: 2, bytes: bytes("o\u001b]0;x\u0007\n") },
      step(2, "done", 1234),
      { type: "warning", message: "beware" },
    ];
    const { code, err, out } = await nacre(["build", "."], { engine });
    expect({ code, out }).toEqual({ code: 0, out: "" });
    expect(err.split("\n")).toEqual([
      ...["#1 [1/2] RUN x", "#1 CACHED", "", "#2 [2/2] RUN x", "#2 0.000 one"],
      ...["#2 0.000 two\\x1b]0;x\\x07", "#2 DONE 1.2s", "", "WARNING: beware", ""],
    ]);
  });

  it("names a step again whose lines others have come between", async () => {
    const engine = new FakeEngine();
    const said = (number: number, text: string) =>
      ({ type: "output", number, stream: 1, bytes: bytes(text) }) as const;
    engine.builds.events = [
      ...[step(1, "started"), step(2, "started"), said(2, "two\n"), step(1, "cached")],
      ...[said(2, "again\n"), step(2, "done", 1000)],
    ];
    const { err } = await nacre(["build", "."], { engine });
    expect(err.split("\n")).toEqual([
      ...["#1 [1/2] RUN x", "", "#2 [2/2] RUN x", "#2 0.000 two", ""],
      ...["#1 [1/2] RUN x", "#1 CACHED", ""],
      ...["#2 [2/2] RUN x", "#2 0.000 again", "#2 DONE 1.0s", "", ""],
    ]);
  });

  it("ends with what a step that failed has said, and with the Dockerfile's line", async () => {
    const engine = new FakeEngine();
    engine.builds.events = [
      step(1, "started"),
      { type: "output", number: 1, stream: 2, bytes: bytes("it broke") },
      step(1, "failed"),
    ];
    engine.builds.fault = new NacreError(
      "invalid",
      "Dockerfile:2:1: exit code 3\n  2 | RUN x\n      ^",
    );
    for (const words of [
      ["build", "."],
      ["build", "-q", "."],
      ["build", "--progress", "tty", "."],
    ]) {
      const { code, err } = await nacre(words, { engine, terminals: [2] });
      expect(code).toBe(1);
      expect(err).toMatch(
        /------\n > \[1\/2\] RUN x:\n0\.000 it broke\n------\nnacre: Dockerfile:2:1: exit code 3\n {2}2 \| RUN x\n {6}\^\n$/,
      );
    }
  });

  it("repaints a list of steps in a terminal, and prints events as JSON", async () => {
    const engine = new FakeEngine();
    engine.builds.events = [
      step(1, "started"),
      step(1, "cached"),
      step(2, "started"),
      step(2, "done"),
    ];
    const { err } = await nacre(["build", "."], { engine, terminals: [1, 2] });
    expect(err).toContain("\u001b[2K => CACHED [1/2] RUN x");
    expect(err).toContain("(2/2)");
    const json = await nacre(["build", "--progress=rawjson", "."], { engine });
    const lines = json.err
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines[0]).toEqual({ ...step(1, "started") });
  });

  it("prints the ID alone with -q, and writes it and what was built to files", async () => {
    const { id, manifestDigest } = imageRecord();
    const words = ["-q", "-t", "a", "--iidfile", "id", "--metadata-file", "meta", "."];
    const { out, err, host } = await built(words);
    expect({ out, err }).toEqual({ out: `${id}\n`, err: "" });
    expect(host.created.get("id")).toBe(id);
    expect(JSON.parse(host.created.get("meta") ?? "")).toEqual({
      "containerimage.config.digest": id,
      "containerimage.digest": manifestDigest,
      "image.name": "a",
    });
  });

  it("writes the files of the target as a tar, and records no image then", async () => {
    const { host, options } = await built(["-o", "type=tar,dest=out.tar", "."]);
    expect(host.created.get("out.tar")).toBe("files of it");
    expect(options).toMatchObject({ filesOnly: true });
    expect((await built(["-o", "-", "."], { terminals: [1] })).err).toContain("terminal");
  });

  it("says what is wrong with an option", async () => {
    const wrong = async (...words: string[]) => (await built([...words, "."])).err;
    expect(await wrong("--secret", "src=x")).toContain("--secret needs an id");
    expect(await wrong("--secret", "id=x,env=NONE")).toContain("there is no variable NONE");
    expect(await wrong("--ssh", "default")).toContain("SSH_AUTH_SOCK is not set");
    expect(await wrong("--cache-from", "type=x")).toContain("type=local");
    expect(await wrong("--cache-to", "type=local,dest=x,mode=all")).toContain("min or max");
    expect(await wrong("--cache-to", "type=local,dest=x,size=1")).toContain("unknown field size");
    expect(await wrong("-o", "type=zip")).toContain("must be one of");
    const absent = await built(["--secret", "id=x,src=/nofile", "."], { absent: ["/nofile"] });
    expect(absent.err).toContain("there is no file /nofile");
    expect(await wrong("--attest", "type=sbom")).toContain("attestations (of type sbom)");
    expect(await wrong("--provenance", "mode=max")).toContain("are not made");
    expect(await wrong("--annotation", "index:a=b")).toContain("index cannot have any");
    expect(await wrong("--annotation", "a")).toContain("is not KEY=VALUE");
    expect(await wrong("--allow", "device")).toContain("there are security.insecure");
  });

  it("takes what buildx has and what a step is held to", async () => {
    const { code, options } = await built([
      ...["--provenance=false", "--sbom", "false", "--attest", "type=sbom,disabled=true"],
      ...[
        "--allow",
        "network.host",
        "--allow",
        "security.insecure",
        "--annotation",
        "manifest:a=b=c",
        "--annotation",
        "d=e",
      ],
      ...["-m", "64m", "-c", "512", "--cpuset-cpus", "0", "--ulimit", "nofile=5:6"],
      ...["--cgroup-parent", "/x", "--security-opt", "no-new-privileges", "."],
    ]);
    expect(code).toBe(0);
    expect(options).toMatchObject({
      annotations: { a: "b=c", d: "e" },
      allow: ["security.insecure"],
      limits: {
        resources: { memoryBytes: 64 << 20, cpuShares: 512, cpusetCpus: "0" },
        limits: [{ name: "nofile", soft: 5, hard: 6 }],
        ...{ cgroupParent: "/x", noNewPrivileges: true },
      },
    });
  });

  it("reads outputs, and tells git addresses and tars from others", async () => {
    expect(parseOutput("out")).toEqual({ type: "local", dest: "out" });
    expect(parseOutput("-")).toEqual({ type: "tar", dest: "-" });
    expect(parseOutput('type=oci,"dest=a,b.tar"')).toEqual({ type: "oci", dest: "a,b.tar" });
    expect(["git@h:r", "https://h/r.git", "github.com/o/r", "https://h/r.git#x"].every(isGit)).toBe(
      true,
    );
    expect([".", "dir.git", "https://h/r.tar"].some(isGit)).toBe(false);
    const tarLike = async (all: Uint8Array) => {
      const source = async function* () {
        for (const byte of all) yield Uint8Array.of(byte);
      };
      const { isTar, whole } = await beginsLikeTar(source());
      expect(new Uint8Array(await new Response(ReadableStream.from(whole)).arrayBuffer())).toEqual(
        all,
      );
      return isTar;
    };
    const tar = new Uint8Array(1024);
    tar.set(bytes("ustar"), 257);
    expect(await tarLike(tar)).toBe(true);
    expect(await tarLike(Uint8Array.of(0x1f, 0x8b, 8))).toBe(true);
    expect(await tarLike(Uint8Array.from(bytes("FROM a\n")))).toBe(false);
  });
});

describe("build --call", () => {
  async function called(words: readonly string[], survey: object = {}) {
    const engine = new FakeEngine();
    engine.builds.surveyed = { ...engine.builds.surveyed, ...survey };
    return { ...(await nacre(["build", ...words, "."], { engine })), engine };
  }

  it("tells what is probably a mistake, with its lines, and builds nothing", async () => {
    const fine = await called(["--check"]);
    expect(fine).toMatchObject({ code: 0, out: "Check complete, no warnings found.\n" });
    const findings = [{ rule: "JSONArgsRecommended", message: "a line for a shell", line: 2 }];
    const { code, out, engine } = await called(["--call", "check"], { findings });
    expect(code).toBe(1);
    expect(out).toBe(
      [
        ...["Check complete, 1 warning has been found!", "", "WARNING: JSONArgsRecommended"],
        ...["a line for a shell", "Dockerfile:2", "-".repeat(20), "   1 |     FROM a"],
        ...["   2 | >>> CMD x", "-".repeat(20), ""],
      ].join("\n"),
    );
    expect(engine.calls).toEqual([]);
  });

  it("tells the stages, and what is taken", async () => {
    const stages = [
      { name: "base", description: "has the tools", isTarget: false },
      { name: "app", description: "", isTarget: true },
    ];
    const targets = await called(["--call=targets"], { stages });
    expect(targets.out).toMatch(/^TARGET +DESCRIPTION\nbase +has the tools\napp \(default\) *\n$/);
    const args = [{ name: "VERSION", value: "2" }, { name: "WHO" }];
    const secrets = [{ id: "token", required: true }];
    const outline = await called(["--call=outline"], { stages, args, secrets });
    expect(outline.out).toMatch(
      /^TARGET: app\n\nBUILD ARG +VALUE\nVERSION +2\nWHO *\n\nSECRET +REQUIRED\ntoken +true\n$/,
    );
  });
});

describe("builder", () => {
  const entry = (over: object = {}) => ({
    ...{ key: `sha256:${"ab".repeat(32)}`, type: "step", description: "RUN x", sizeBytes: 2048 },
    ...{ createdMs: 0, usedMs: 0, uses: 2, shared: false, ...over },
  });

  it("shows what is in the cache, and how much of it no image needs", async () => {
    const engine = new FakeEngine();
    engine.builds.entries = [entry(), entry({ shared: true, sizeBytes: 1000 })] as never;
    const { out } = await nacre(["builder", "du", "--verbose"], { engine, nowMs: 60_000 });
    expect(out).toMatch(/ID +TYPE +RECLAIMABLE +SIZE +LAST ACCESSED +USES +DESCRIPTION\n/);
    expect(out).toContain(
      "step      true          2.048kB   About a minute ago   2         RUN x\n",
    );
    expect(out).toContain("Reclaimable:\t2.048kB\nTotal:\t\t3.048kB\n");
  });

  it("removes what is asked, after a question", async () => {
    const engine = new FakeEngine();
    engine.builds.entries = [entry()] as never;
    const asked = await nacre(["builder", "prune"], { engine, input: "n" });
    expect(asked.code).toBe(0);
    const words = ["builder", "prune", "-af", "--filter", "until=1h", "--keep-storage", "1GB"];
    const { out } = await nacre(words, { engine });
    expect(out).toContain("Total reclaimed space: 2.048kB");
    expect(engine.calls).toEqual([
      ["pruneCache", { all: true, unusedMs: 3_600_000, keepBytes: 1e9 }],
    ]);
    expect((await nacre(["builder", "prune", "-f", "--filter", "x=1"], { engine })).code).not.toBe(
      0,
    );
  });

  it("has filters for what is removed", () => {
    const step = entry() as BuildCacheEntry;
    const mount = entry({
      type: "cache mount",
      description: "go",
      shared: true,
    }) as BuildCacheEntry;
    const chosen = (filter: string) =>
      [step, mount].filter((one) => parseCacheFilter(filter).test?.(one));
    expect(chosen("type=cache mount")).toEqual([mount]);
    expect(chosen("type!=cache mount")).toEqual([step]);
    expect(chosen("description~=RUN")).toEqual([step]);
    expect(chosen("shared")).toEqual([mount]);
    expect(chosen("private=true")).toEqual([step]);
    expect(chosen("shared!=true")).toEqual([step]);
    expect(chosen("id=abab")).toEqual([step, mount]);
    expect(chosen("id=ff")).toEqual([]);
    expect(parseCacheFilter("unused-for=2h")).toEqual({ name: "until", unusedMs: 7_200_000 });
  });
});
