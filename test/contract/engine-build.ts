// What an engine builds, on whatever kernel: part of engineContract.

import type { BuildEvent, BuildOptions } from "@nacre/engine/engine.ts";
import { expect, it } from "vitest";
import { type Bench, refusal } from "./engine.ts";
import { temporaryDirectory } from "./temporary.ts";

type Files = Readonly<Record<string, string>>;

/** Builds a Dockerfile over the subject's image, `FROM base`, with a context of these files. */
export class BuildBench {
  readonly #bench: Bench;
  readonly events: BuildEvent[] = [];

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  async build(dockerfile: string, files: Files = {}, more: Partial<BuildOptions> = {}) {
    this.events.length = 0;
    const text = dockerfile.replaceAll("FROM base", `FROM ${this.#bench.subject.image}`);
    return this.#bench.subject.engine.builds.build({
      context: { files: { ...files, Dockerfile: text } },
      tags: ["built"],
      onEvent: (event) => this.events.push(event),
      ...more,
    });
  }

  /** What a script says in what was built. */
  async says(script: string, more: object = {}): Promise<string> {
    const { stdout, stderr } = await this.#bench.sh(script, { image: "built", ...more });
    return stdout + stderr;
  }

  /** Names of steps that came to an end, with how. */
  steps(state: string): string[] {
    return this.events.flatMap((event) =>
      event.type === "step" && event.state === state ? [event.name] : [],
    );
  }

  output(): string {
    const decoder = new TextDecoder();
    return this.events
      .flatMap((event) => (event.type === "output" ? [decoder.decode(event.bytes)] : []))
      .join("");
  }
}

export function buildCases(bench: () => Bench): void {
  const make = () => new BuildBench(bench());
  const config = () => bench().subject.engine.images.get("built").image.config;

  it("builds what a Dockerfile says: files, variables, commands", async () => {
    const b = make();
    await b.build(
      [
        "FROM base",
        "ARG WHO=nobody",
        'ENV A=1 B="two words"',
        "RUN echo hello $WHO $A >/made; ln -s made /link",
        "COPY src/ /copied/",
        "COPY --chown=7:8 --chmod=600 src/a.txt /owned",
        "WORKDIR /work/deep",
        "RUN pwd >here",
        'LABEL key="a value"',
        "USER 5",
        "EXPOSE 80 53/udp",
        "VOLUME /data",
        "STOPSIGNAL SIGINT",
        "HEALTHCHECK --interval=5s CMD true",
        'ENTRYPOINT ["sh", "-c"]',
        'CMD ["cat /made"]',
      ].join("\n"),
      { "src/a.txt": "a\n", "src/sub/b.txt": "b\n" },
      { buildArgs: { WHO: "you" }, labels: { more: "yes" } },
    );
    expect(
      await b.says("cat /made /link /copied/a.txt /copied/sub/b.txt /work/deep/here", {
        entrypoint: [],
        user: "0",
      }),
    ).toBe("hello you 1\nhello you 1\na\nb\n/work/deep\n");
    const reads = { entrypoint: [], environment: ["X=1"] };
    expect(await b.says("cat /owned", { ...reads, user: "7:8" })).toBe("a\n");
    expect(await b.says("cat /owned", { ...reads, user: "5" })).toMatch(/denied/i);
    expect(config().config).toMatchObject({
      ...{ WorkingDir: "/work/deep", User: "5", StopSignal: "SIGINT" },
      ...{ Entrypoint: ["sh", "-c"], Cmd: ["cat /made"], Volumes: { "/data": {} } },
      ExposedPorts: { "80/tcp": {}, "53/udp": {} },
      Labels: { key: "a value", more: "yes" },
      Healthcheck: { Test: ["CMD-SHELL", "true"], Interval: 5e9 },
    });
    const history = (config().history ?? []).map((step) => step.created_by);
    expect(history).toContain("RUN |1 WHO=you /bin/sh -c pwd >here # buildkit");
    expect(history).toContain("COPY src/ /copied/ # buildkit");
    const layers = (config().history ?? []).filter((step) => !step.empty_layer);
    expect(layers).toHaveLength(config().rootfs.diff_ids.length);
  });

  it("does nothing again whose inputs have the same contents", async () => {
    const b = make();
    const dockerfile = (last: string) =>
      `FROM base\nENV A=1\nRUN echo one >/one\nCOPY a /a\nRUN ${last}`;
    const first = await b.build(dockerfile("cat /a >/b"), { a: "1" });
    expect(b.steps("cached")).toHaveLength(1);
    const again = await b.build(dockerfile("cat /a >/b"), { a: "1" });
    expect(b.steps("done")).toEqual(["exporting to image"]);
    expect(again.id).toBe(first.id);
    await b.build(dockerfile("cat /a >/c"), { a: "1" });
    expect(b.steps("done").join()).toMatch(/^\[4\/4\] RUN cat/);
    await b.build(dockerfile("cat /a >/b"), { a: "2" });
    expect(b.steps("done").map((name) => name.slice(0, 10))).toEqual([
      "[3/4] COPY",
      "[4/4] RUN ",
      "exporting ",
    ]);
    await b.build(dockerfile("cat /a >/b"), { a: "1" }, { noCache: true });
    expect(b.steps("done")).toHaveLength(4);
  });

  it("gives the same image for the same inputs and the same date, whenever it is built", async () => {
    const b = make();
    const dockerfile = 'FROM base\nRUN mkdir /x; echo y >/x/y\nCOPY a /new/a\nCMD ["sh"]';
    const options = { noCache: true, sourceDateEpoch: 1_000_000 };
    const { id, manifestDigest } = await b.build(dockerfile, { a: "1" }, options);
    await new Promise((done) => setTimeout(done, 20));
    expect(await b.build(dockerfile, { a: "1" }, options)).toMatchObject({ id, manifestDigest });
    expect(config().created).toBe("1970-01-12T13:46:40.000Z");
  });

  it("builds the stages that the target needs, and no others", async () => {
    const b = make();
    const dockerfile = [
      "ARG FROM_ARG=1",
      "FROM base AS one",
      "ARG FROM_ARG",
      "RUN echo one $FROM_ARG >/one",
      "FROM base AS unused",
      "RUN exit 1",
      "FROM base AS two",
      "RUN echo two >/two",
      "FROM one AS last",
      "COPY --from=two /two /from-two",
      "COPY --from=0 /one /from/",
      "RUN --mount=type=bind,from=two,source=/two,target=/mnt/two cat /mnt/two >/seen",
    ].join("\n");
    await b.build(dockerfile, {}, { buildArgs: { FROM_ARG: "9" } });
    expect(await b.says("cat /one /from-two /from/one /seen; ls /mnt")).toMatch(
      /^one 9\ntwo\none 9\ntwo\n.*mnt/,
    );
    expect(b.steps("done").some((name) => name.includes("exit 1"))).toBe(false);
    expect(b.steps("done").find((name) => name.includes("two /from"))).toMatch(/^\[last 1\/3\] /);
    await b.build(dockerfile, {}, { target: "two" });
    expect(await b.says("cat /two")).toBe("two\n");
    const missing = await refusal(b.build(dockerfile, {}, { target: "three" }));
    expect(missing).toMatchObject({
      kind: "not-found",
      advice: "There are one, unused, two, last.",
    });
  });

  it("says where in the Dockerfile a step has failed, and keeps those before it", async () => {
    const b = make();
    const dockerfile = "FROM base\nRUN echo kept >/kept\n\nRUN echo about to fail; \\\n  exit 3\n";
    const fault = await refusal(b.build(dockerfile));
    expect(fault.message).toContain("exit code 3\n  4 | RUN echo about to fail;");
    expect(fault.message).toMatch(/^Dockerfile:4:1: /);
    expect(b.output()).toContain("about to fail");
    expect(b.steps("failed")).toHaveLength(1);
    expect(bench().containers.list({ all: true })).toEqual([]);
    await refusal(b.build(dockerfile));
    expect(b.steps("cached").at(-1)).toContain("RUN echo kept");
  });

  it("reads here-documents as scripts, as files and as what a command reads", async () => {
    const b = make();
    const dockerfile = [
      "FROM base",
      "ARG X=5",
      "RUN <<EOF",
      "echo a >/script",
      "echo b >>/script",
      "EOF",
      "COPY <<one.txt <<'two.txt' /docs/",
      'it\'s "$X" \\$X',
      "one.txt",
      "$X",
      "two.txt",
      "RUN cat <<E1 >/cat",
      "in $X",
      "E1",
    ].join("\n");
    await b.build(dockerfile);
    expect(await b.says("cat /script /docs/one.txt /docs/two.txt /cat")).toBe(
      'a\nb\nit\'s "5" $X\n$X\nin 5\n',
    );
  });

  it("copies what is named, whatever it is: patterns, links, nothing outside", async () => {
    const b = make();
    const files = { "a.txt": "a", "b.txt": "b", "c.md": "c", "d/e/f.txt": "f", "d/g.md": "g" };
    await b.build(
      [
        "FROM base",
        "COPY *.txt /flat/",
        "COPY --parents d/e/*.txt /kept/",
        "COPY --exclude=**/*.md d /without/",
        "COPY a.txt /bin",
        "ADD --chmod=u=rw,go= a.txt /added",
      ].join("\n"),
      files,
    );
    expect(
      await b.says("cd /; ls flat kept/d/e without without/e; cat /bin/a.txt; stat -c %a /added"),
    ).toMatch(/a.txt\nb.txt\n[\s\S]*f.txt\n[\s\S]*e\n[\s\S]*f.txt\na600\n$/);
    const out = await refusal(b.build("FROM base\nCOPY ../x /x", files));
    expect(out.message).toContain('"../x" is outside of the build context');
    const none = await refusal(b.build("FROM base\nCOPY none /x", files));
    expect(none).toMatchObject({ kind: "not-found" });
    expect(none.message).toContain("Dockerfile:2:1");
  });

  it("mounts caches, memory and secrets for a step, none of which is in its layer", async () => {
    const b = make();
    const dockerfile = (word: string) =>
      [
        "FROM base",
        `RUN --mount=type=cache,target=/cache echo ${word} >>/cache/log; cat /cache/log >/log`,
        "RUN --mount=type=secret,id=token --mount=type=tmpfs,target=/memory cat /run/secrets/token >/memory/x; wc -c </memory/x >/size",
        `RUN --mount=type=secret,id=token,env=TOKEN echo \${#TOKEN} >>/size`,
      ].join("\n");
    const secrets = [{ id: "token", value: "s3cret" }];
    await b.build(dockerfile("one"), {}, { secrets });
    await b.build(dockerfile("two"), {}, { secrets });
    expect(await b.says("cat /log /size; ls /")).toMatch(/^one\ntwo\n *6\n6\n/);
    expect(await b.says("ls /cache /memory /run/secrets 2>&1")).not.toMatch(/log|token/);
    const id = bench().subject.engine.images.get("built").image;
    expect(JSON.stringify(id)).not.toContain("s3cret");
    const missing = await refusal(
      b.build("FROM base\nRUN --mount=type=secret,id=no,required=true true"),
    );
    expect(missing).toMatchObject({ kind: "not-found" });
  });

  it("has a cache begin with files of a stage, which stay as they are", async () => {
    const b = make();
    const dockerfile = (word: string) =>
      [
        "FROM base AS filled",
        "RUN mkdir /data && echo begun >/data/log",
        "FROM base",
        `RUN --mount=type=cache,target=/cache,from=filled,source=/data echo ${word} >>/cache/log; cat /cache/log >/log`,
        "COPY --from=filled /data/log /first",
      ].join("\n");
    await b.build(dockerfile("one"));
    expect(await b.says("cat /log")).toBe("begun\none\n");
    await b.build(dockerfile("two"));
    expect(await b.says("cat /log /first; ls /cache")).toMatch(/^begun\none\ntwo\nbegun\n/);
  });

  it("gives an image for an archive no name here, and removes it when it is discarded", async () => {
    const b = make();
    const { images } = bench().subject.engine;
    const before = images.list().map(({ image }) => image.id);
    const built = await b.build(
      "FROM base\nRUN echo archived >/x",
      {},
      { archiveOnly: true, tags: ["archived:1"] },
    );
    expect(built.references).toEqual(["docker.io/library/archived:1"]);
    expect(b.output()).toContain(`exporting manifest ${built.manifestDigest}`);
    expect(b.output()).not.toMatch(/writing image|naming to/);
    await built.discard();
    expect(images.list().map(({ image }) => image.id)).toEqual(before);
  });

  it("looks at a Dockerfile, warns of what is probably a mistake, and refuses it if asked", async () => {
    const b = make();
    const text = [
      "ARG VERSION=2",
      "# tools has what the others need",
      "FROM base AS tools",
      "RUN --mount=type=secret,id=token,required=true true",
      "FROM tools AS app",
      "ARG WHO",
      "CMD echo x",
    ].join("\n");
    const { engine } = bench().subject;
    const context = { files: { Dockerfile: text } };
    expect(await engine.builds.survey({ context, target: "app" })).toMatchObject({
      findings: [{ rule: "JSONArgsRecommended", line: 7 }],
      isRefused: false,
      stages: [
        { name: "tools", description: "has what the others need", isTarget: false },
        { name: "app", description: "", isTarget: true },
      ],
      args: [{ name: "VERSION", value: "2" }, { name: "WHO" }],
      secrets: [{ id: "token", required: true }],
    });
    await b.build("FROM base\nCMD echo x");
    const warnings = b.events.filter(({ type }) => type === "warning");
    expect(warnings).toMatchObject([{ message: expect.stringMatching(/^JSONArgs.*\(line 2\)$/) }]);
    const refused = await refusal(b.build("# check=error=true\nFROM base\nCMD echo x"));
    expect(refused.message).toContain("JSONArgsRecommended");
  });

  it("says of a base what its variables come to", async () => {
    const b = make();
    await b.build(
      `ARG BASE\nFROM ${"$"}{BASE}\nRUN true`,
      {},
      {
        buildArgs: { BASE: bench().subject.image },
      },
    );
    expect(b.steps("cached")[0]).toBe(`[1/2] FROM ${bench().subject.image}`);
  });

  it("carries out what a base has for those who build on it", async () => {
    const b = make();
    await b.build(
      "FROM base\nONBUILD RUN echo triggered >/trigger\nONBUILD COPY a /a",
      {},
      { tags: ["parent"] },
    );
    await b.build("FROM parent\nRUN cat /trigger /a >/both", { a: "x\n" });
    expect(b.steps("done")).toContain("[4/4] RUN cat /trigger /a >/both");
    expect(await b.says("cat /both")).toBe("triggered\nx\n");
    expect(config().config).not.toHaveProperty("OnBuild");
    await bench().subject.engine.images.remove("parent");
  });

  it("makes images of files alone, and of a tar as a context", async () => {
    const b = make();
    await b.build(
      "FROM scratch\nCOPY a /only\nCOPY --from=base /bin /bin".replace(
        "--from=base",
        `--from=${bench().subject.image}`,
      ),
      { a: "x\n" },
    );
    expect(await b.says("cat /only", { environment: ["PATH=/bin"] })).toBe("x\n");
    const { archives, builds } = bench().subject.engine;
    await bench().containers.create({ image: "built", name: "of-built", command: ["sh"] });
    const text = `FROM ${bench().subject.image}\nCOPY only /from-tar`;
    await builds.build({
      context: { tar: archives.export("of-built") },
      dockerfileText: { name: "Dockerfile", text },
      tags: ["built"],
    });
    expect(await b.says("cat /from-tar")).toBe("x\n");
    await bench().containers.remove("of-built");
  });

  it("gives cached steps to others, and takes none that are spoiled", async () => {
    const b = make();
    const { builds, images } = bench().subject.engine;
    const dockerfile = "FROM base\nRUN echo shared >/shared\nCOPY a /a";
    const place = { type: "local", directory: `${temporaryDirectory()}/cache` } as const;
    const forget = async () => {
      await images.remove("built");
      await builds.pruneCache({ all: true });
    };
    await b.build(dockerfile, { a: "1" }, { cacheTo: [place, { type: "inline" }] });
    await forget();
    await b.build(dockerfile, { a: "1" }, { cacheFrom: [place] });
    expect(b.steps("done")).toEqual(["exporting to image"]);
    images.tag("built", "inline:1");
    await forget();
    await b.build(dockerfile, { a: "1" }, { cacheTo: [{ type: "inline" }], tags: ["inline:1"] });
    await builds.pruneCache({ all: true });
    const inline = { type: "registry", reference: "inline:1" } as const;
    await b.build(dockerfile, { a: "1" }, { cacheFrom: [inline] });
    expect(b.steps("done")).toEqual(["exporting to image"]);
    await images.remove("inline:1");
    const none = { type: "local", directory: `${temporaryDirectory()}/none` } as const;
    await b.build(dockerfile, { a: "1" }, { cacheFrom: [none] });
  });

  it("keeps a cache that can be looked at and pruned", async () => {
    const b = make();
    const { builds, images } = bench().subject.engine;
    await b.build("FROM base\nRUN echo pruned >/pruned");
    const entry = (await builds.cache()).find(({ description }) => description.includes("pruned"));
    expect(entry).toMatchObject({ type: "step", shared: true });
    await images.remove("built");
    await builds.pruneCache();
    expect((await builds.cache()).some(({ description }) => description.includes("pruned"))).toBe(
      false,
    );
    await builds.pruneCache({ all: true });
    expect(await builds.cache()).toEqual([]);
  });
}
