// What stages take from one another, on whatever kernel: part of engineContract.

import { expect, it } from "vitest";
import { type TarEntry, tar } from "../images/tar.ts";
import { type Bench, refusal } from "./engine.ts";
import { BuildBench } from "./engine-build.ts";

export function stageCases(bench: () => Bench): void {
  const make = () => new BuildBench(bench());

  it("gives a step all powers only if that is allowed, and says so before anything is built", async () => {
    const b = make();
    const powers = "grep CapEff /proc/self/status";
    const dockerfile = `FROM base\nRUN ${powers} >/own\nRUN --security=insecure ${powers} >/all`;
    const fault = await refusal(b.build(dockerfile));
    expect(fault).toMatchObject({ kind: "denied" });
    expect(fault.message).toMatch(/^Dockerfile:3:1: RUN --security=insecure is not allowed/);
    expect(b.events).toEqual([]);
    await b.build(dockerfile, {}, { allow: ["security.insecure"] });
    const [own = "", all = ""] = (await b.says("cat /own /all")).trim().split("\n");
    const count = (line: string): number =>
      BigInt(`0x${line.split(/\s+/)[1]}`)
        .toString(2)
        .replaceAll("0", "").length;
    expect(count(own)).toBe(14);
    expect(count(all)).toBeGreaterThan(20);
  });

  it("leaves out of a directory that comes as a tar what its .dockerignore names", async () => {
    const b = make();
    const files: readonly TarEntry[] = [
      { name: ".dockerignore", content: "docs\n!docs/keep\n**/*.log\nDockerfile\n" },
      { name: "Dockerfile", content: `FROM ${bench().subject.image}\nCOPY . /all\n` },
      ...["a", "a.log", "docs/drop", "docs/keep", "docs/deep/no", "sub/b.log", "sub/c"].map(
        (name): TarEntry => ({ name, content: name }),
      ),
    ];
    async function* bytes() {
      yield tar(files);
    }
    const shown = async (ofDirectory: boolean): Promise<string[]> => {
      await b.build("", {}, { context: { tar: bytes(), ofDirectory } });
      return (await b.says("cd /all; find . -type f")).trim().split("\n").sort();
    };
    expect(await shown(true)).toEqual(["./.dockerignore", "./a", "./docs/keep", "./sub/c"]);
    expect(await shown(false)).toHaveLength(files.length);
  });

  it("copies from a stage the files that it has, though steps of it wrote none", async () => {
    const b = make();
    const dockerfile = [
      "FROM base AS made",
      "RUN true",
      "COPY a /a",
      "RUN true",
      "RUN echo two >/two",
      "FROM scratch AS kept",
      "COPY --from=made /a /two /",
      "FROM base",
      "RUN true",
      "COPY --from=kept / /seen",
      "RUN --mount=type=bind,from=made,target=/m cat /m/a /m/two >/bound",
    ].join("\n");
    await b.build(dockerfile, { a: "one\n" });
    expect(await b.says("cat /seen/a /seen/two /bound")).toBe("one\ntwo\none\ntwo\n");
    const files = { a: "one\n" };
    const { entries } = await b.build(dockerfile, files, { target: "made", filesOnly: true });
    const found = new Map<string, string>();
    for await (const { entry, read } of entries()) {
      const parts: Uint8Array[] = [];
      for await (const part of read()) parts.push(part);
      found.set(new TextDecoder().decode(entry.path), Buffer.concat(parts).toString());
    }
    expect([found.get("a"), found.get("two")]).toEqual(["one\n", "two\n"]);
  });
}
