import { describe, expect, it } from "vitest";
import { FakeEngine } from "../fake-engine.ts";
import { nacre } from "../fake-host.ts";
import { HOUR_MS, imageRecord } from "../fake-records.ts";

describe("diff", () => {
  it("prints a line a path as docker does, with control characters shown", async () => {
    const engine = new FakeEngine();
    const { code, out } = await nacre(["diff", "web"], { engine });
    expect(code).toBe(0);
    expect(out.split("\n")).toEqual(["C /etc", "A /etc/\\x1b[31mred", "D /etc/motd", ""]);
    expect(engine.calls).toEqual([["diff", "web"]]);
  });

  it("fails with 1 where there is no such container", async () => {
    const engine = new FakeEngine();
    engine.failure = new Error("none");
    expect((await nacre(["container", "diff", "web"], { engine })).code).toBe(1);
  });
});

describe("export", () => {
  it("writes the bytes to standard output", async () => {
    const engine = new FakeEngine();
    const { code, out } = await nacre(["export", "web"], { engine });
    expect({ code, out }).toEqual({ code: 0, out: "root file system" });
  });

  it("writes into a file that is there when it is whole", async () => {
    const engine = new FakeEngine();
    const { out, host } = await nacre(["export", "-o", "web.tar", "web"], { engine });
    expect({ out, file: host.created.get("web.tar") }).toEqual({
      out: "",
      file: "root file system",
    });
  });

  it("leaves no file of an archive that breaks", async () => {
    const engine = new FakeEngine();
    engine.failure = new Error("broken");
    const { code, host } = await nacre(["export", "-o", "web.tar", "web"], { engine });
    expect(code).toBe(1);
    expect([...host.created.keys()]).toEqual([]);
  });

  it("refuses a terminal, and a container that is not there, before anything is written", async () => {
    const engine = new FakeEngine();
    const refused = await nacre(["export", "web"], { engine, terminals: [1] });
    expect(refused.code).toBe(1);
    expect(refused.err).toContain("-o FILE");
    const absent = await nacre(["export", "-o", "x", "nobody"], { engine });
    expect(absent.code).toBe(1);
    expect(engine.calls).toEqual([]);
  });
});

describe("commit", () => {
  it("hands on what is asked, paused by default, and prints the ID", async () => {
    const engine = new FakeEngine();
    const { out } = await nacre(["commit", "-m", "a fix", "-c", "USER 7", "web", "web:2"], {
      engine,
    });
    expect(out).toBe(`${imageRecord().id}\n`);
    expect(engine.calls).toEqual([
      ["commit", "web", { reference: "web:2", message: "a fix", changes: ["USER 7"], pause: true }],
    ]);
  });

  it("does not pause where it shall not, and takes the date that is given", async () => {
    const engine = new FakeEngine();
    const environment = { SOURCE_DATE_EPOCH: "86400" };
    await nacre(["commit", "--pause=false", "web"], { engine, environment });
    expect(engine.calls).toEqual([
      ["commit", "web", { createdMs: 86_400_000, changes: [], pause: false }],
    ]);
    const written = await nacre(["commit", "-q", "--iidfile", "iid", "web"], { engine });
    expect(`${written.host.created.get("iid")}\n`).toBe(written.out);
    const wrong = await nacre(["commit", "web"], {
      engine,
      environment: { SOURCE_DATE_EPOCH: "yesterday" },
    });
    expect(wrong.code).toBe(1);
    expect(wrong.err).toContain("SOURCE_DATE_EPOCH");
  });
});

describe("import", () => {
  it("reads a file, standard input, or what a server sends", async () => {
    const engine = new FakeEngine();
    const settings = { engine, files: { "a.tar": "of a file" }, input: "of a pipe" };
    await nacre(["import", "a.tar", "a:1"], settings);
    await nacre(["import", "-m", "said", "-"], settings);
    const { out } = await nacre(["import", "https://example.org/a.tar"], settings);
    expect(out).toBe(`${imageRecord().id}\n`);
    expect(engine.calls).toEqual([
      ["import", "of a file", { reference: "a:1", message: "Imported from a.tar", changes: [] }],
      ["import", "of a pipe", { message: "said", changes: [] }],
      [
        "import",
        "https://example.org/a.tar",
        { message: "Imported from https://example.org/a.tar", changes: [] },
      ],
    ]);
  });
});

describe("tag", () => {
  it("gives the name, and says nothing", async () => {
    const engine = new FakeEngine();
    const { code, out } = await nacre(["tag", "debian", "mine:1"], { engine });
    expect({ code, out }).toEqual({ code: 0, out: "" });
    expect(engine.calls).toEqual([["tag", "debian", "mine:1"]]);
  });
});

describe("history", () => {
  const engine = () => {
    const fake = new FakeEngine();
    const { image, references } = fake.listings[0]!;
    const history = [
      { created: "1970-01-01T00:00:00Z", created_by: "COPY \u001b[31mroot /" },
      { created: "1970-01-01T01:00:00Z", created_by: "ENV A=1", empty_layer: true, comment: "c" },
    ];
    fake.listings = [{ image: { ...image, config: { ...image.config, history } }, references }];
    return fake;
  };

  it("shows the steps, the last one first, with the sizes of their layers", async () => {
    const { out } = await nacre(["history", "debian"], { engine: engine(), nowMs: 3 * HOUR_MS });
    expect(out).toMatch(/^IMAGE +CREATED +CREATED BY +SIZE +COMMENT\n/);
    const rows = out
      .trimEnd()
      .split("\n")
      .slice(1)
      .map((line) => line.split(/ {2,}/));
    expect(rows).toEqual([
      ["c0ffeec0ffee", "2 hours ago", "ENV A=1", "0B", "c"],
      ["<missing>", "3 hours ago", "COPY \\x1b[31mroot /", "2.05kB"],
    ]);
  });

  it("shows plain numbers and dates, or a template", async () => {
    const plain = await nacre(["history", "-H=false", "--no-trunc", "debian"], {
      engine: engine(),
    });
    expect(plain.out).toContain("1970-01-01T01:00:00Z");
    expect(plain.out).toContain("2048");
    const words = ["history", "--format", "{{.ID}} {{.Comment}}", "debian"];
    expect((await nacre(words, { engine: engine() })).out).toBe("c0ffeec0ffee c\n<missing> \n");
  });

  it("makes a step of each layer where an image says nothing", async () => {
    const { out } = await nacre(["history", "debian"], { engine: new FakeEngine() });
    expect(out.trimEnd().split("\n")).toHaveLength(2);
  });
});

describe("system df", () => {
  it("sums up, with what nothing needs", async () => {
    const engine = new FakeEngine();
    engine.records = [...engine.records, { ...engine.records[0]!, name: "b", status: "exited" }];
    const { out } = await nacre(["system", "df"], { engine });
    expect(
      out
        .trimEnd()
        .split("\n")
        .map((line) => line.split(/ {2,}/)),
    ).toEqual([
      ["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"],
      ["Images", "1", "1", "3MB", "1MB (33%)"],
      ["Containers", "2", "1", "4kB", "2kB (50%)"],
      ["Local Volumes", "0", "0", "0B", "0B"],
      ["Build Cache", "0", "0", "0B", "0B"],
    ]);
  });

  it("shows each thing with -v", async () => {
    const { out } = await nacre(["system", "df", "-v"], {
      engine: new FakeEngine(),
      nowMs: HOUR_MS,
    });
    expect(out).toMatch(/debian +12 +c0ffeec0ffee +\S.* ago +3MB +1MB +2MB +1\n/);
    expect(out).toMatch(/012345678901|0123456789ab +debian .*2kB/);
    expect(out).toMatch(/Build cache usage: 0B\n$/);
  });
});

describe("save", () => {
  it("writes the tar to a file, or to standard output, and never to a terminal", async () => {
    const engine = new FakeEngine();
    const to = await nacre(["save", "-o", "x.tar", "debian", "debian"], { engine });
    expect(to.host.created.get("x.tar")).toBe("an archive");
    expect(engine.calls[0]).toEqual(["save", ["debian", "debian"], {}]);
    expect((await nacre(["save", "debian"], { engine })).out).toBe("an archive");
    const terminal = await nacre(["save", "debian"], { engine, terminals: [1] });
    expect(terminal).toMatchObject({ code: 1, out: "" });
    expect(terminal.err).toContain("Use -o FILE");
  });

  it("says what is not here before it begins, and hands on how layers are wanted", async () => {
    const engine = new FakeEngine();
    const { code, err, host } = await nacre(["save", "-o", "x", "nobody"], { engine });
    expect({ code, begun: host.created.size }).toEqual({ code: 1, begun: 0 });
    expect(err).toContain("no such image: nobody");
    await nacre(["save", "--format", "oci-archive", "--compression", "none", "debian"], { engine });
    expect(engine.calls.at(-1)).toEqual([
      ...["save", ["debian"]],
      { format: "oci-archive", compression: "none" },
    ]);
  });
});

describe("load", () => {
  it("reads standard input or a file, and says what came", async () => {
    const engine = new FakeEngine();
    const { out } = await nacre(["load"], { engine, input: "piped" });
    expect(out).toBe(`Loaded image: debian:12\nLoaded image ID: sha256:${"a2".repeat(32)}\n`);
    const quiet = await nacre(["load", "-q", "-i", "a.tar"], {
      engine,
      files: { "a.tar": "filed" },
    });
    // As docker has it: it is the progress that is not shown.
    expect(quiet.out).toBe(out);
    expect(engine.calls).toEqual([
      ["load", "piped"],
      ["load", "filed"],
    ]);
    expect((await nacre(["load"], { engine, terminals: [0] })).code).toBe(1);
  });
});
