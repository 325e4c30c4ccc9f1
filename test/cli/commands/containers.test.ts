import { describe, expect, it } from "vitest";
import { main } from "../../../cli/main.ts";
import { FakeEngine } from "../fake-engine.ts";
import { FakeHost, nacre } from "../fake-host.ts";
import { containerRecord, HOUR_MS } from "../fake-records.ts";

const asked = (engine: FakeEngine, name: string) =>
  engine.calls.filter(([called]) => called === name).map(([, ...given]) => given);

describe("run", () => {
  it("gives a container our own descriptors, standard input only with -i", async () => {
    const engine = new FakeEngine();
    await nacre(["run", "debian", "true"], { engine });
    await nacre(["run", "-i", "debian", "true"], { engine });
    await nacre(["run", "-d", "-i", "debian", "true"], { engine });
    expect(asked(engine, "run").map(([, streams]) => streams)).toEqual([
      { stdin: "ignore", stdout: 1, stderr: 2 },
      { stdin: 0, stdout: 1, stderr: 2 },
      { stdin: "ignore", stdout: "ignore", stderr: "ignore" },
    ]);
  });

  it("ends as the command ended", async () => {
    const engine = new FakeEngine();
    engine.exit = { code: 7 };
    expect(await nacre(["run", "-q", "debian", "false"], { engine })).toMatchObject({
      code: 7,
      out: "",
      err: "",
    });
  });

  it("prints the ID of a detached container and does not wait", async () => {
    const engine = new FakeEngine();
    engine.exit = "signal";
    const { code, out } = await nacre(["run", "-d", "debian"], { engine });
    expect({ code, out }).toEqual({ code: 0, out: `${engine.records[0]!.id}\n` });
  });

  it("refuses -it where standard input is no terminal", async () => {
    const { code, err, host } = await nacre(["run", "-it", "debian"], { engine: new FakeEngine() });
    expect(code).toBe(125);
    expect(err).toMatch(/^nacre: the input device is not a TTY\n/);
    expect(host.made).toBeUndefined();
    const engine = new FakeEngine();
    expect((await nacre(["run", "-it", "debian"], { engine, terminals: [0, 1] })).code).toBe(0);
    expect((await nacre(["run", "-t", "debian"], { engine })).code).toBe(0);
  });

  it("hands signals on while the process runs, and listens no longer than that", async () => {
    const engine = new FakeEngine();
    engine.exit = "signal";
    const host = new FakeHost({ engine });
    const running = main(["run", "debian", "sleep", "9"], host);
    await expect.poll(() => host.listeners, { timeout: 20_000 }).toBe(1);
    host.raise(15);
    expect(await running).toBe(143);
    expect(engine.calls).toContainEqual(["signal", 15]);
    expect(host.listeners).toBe(0);
  });

  it("says once for a root what network a container has that asked for none", async () => {
    const engine = new FakeEngine();
    const host = new FakeHost({ engine });
    await main(["run", "debian"], host);
    expect(host.err).toContain("--network host");
    const before = host.err;
    await main(["run", "debian"], host);
    expect(host.err).toBe(before);
    const other = await nacre(["run", "--network", "none", "debian"], { engine });
    expect(other.err).toBe("");
  });

  it("shows on standard error how a missing image is pulled", async () => {
    const engine = new FakeEngine();
    engine.containers.run = async () => {
      await engine.images.pull("debian");
      return { ...(await engine.containers.start("web")) };
    };
    const { out, err } = await nacre(["run", "--network", "none", "debian"], { engine });
    expect(out).toBe("");
    expect(err).toBe(
      "Unable to find image 'debian:latest' locally\nlatest: Pulling from library/debian\nd1d1d1d1d1d1: Pulling fs layer\nd1d1d1d1d1d1: Pull complete\n",
    );
    expect((await nacre(["run", "-q", "debian"], { engine })).err).toBe("");
  });
});

describe("exec", () => {
  it("passes the command, its environment, user and place", async () => {
    const engine = new FakeEngine();
    const words = ["exec", "-e", "A=1", "-u", "nobody", "-w", "/tmp", "web", "ls", "-l"];
    expect((await nacre(words, { engine })).code).toBe(0);
    expect(asked(engine, "exec")[0]).toEqual([
      "web",
      {
        command: ["ls", "-l"],
        environment: ["A=1"],
        user: "nobody",
        workingDirectory: "/tmp",
        terminal: false,
        interactive: false,
        detached: false,
      },
      { stdin: "ignore", stdout: 1, stderr: 2 },
    ]);
  });
});

describe("ps", () => {
  const engine = new FakeEngine();
  engine.records = [
    containerRecord({ createdMs: HOUR_MS, startedMs: HOUR_MS }),
    containerRecord({
      id: "ff".repeat(32),
      name: "done\u001b[31m",
      status: "exited",
      exitCode: 3,
      finishedMs: HOUR_MS,
    }),
  ];
  const ps = (...words: string[]) => nacre(["ps", ...words], { engine, nowMs: 3 * HOUR_MS });

  it("prints docker's table", async () => {
    expect((await ps()).out).toBe(
      [
        "CONTAINER ID   IMAGE     COMMAND                  CREATED       STATUS       PORTS     NAMES",
        '0123456789ab   debian    "sh -c \'sleep 1000; …"   2 hours ago   Up 2 hours             web',
        "",
      ].join("\n"),
    );
  });

  it("shows with -a also what has ended, the newest first, and no escape sequence", async () => {
    const lines = (await ps("-a")).out.split("\n");
    expect(lines).toHaveLength(4);
    expect(lines[2]).toContain("Exited (3) 2 hours ago");
    expect(lines[2]).toContain("done\\x1b[31m");
  });

  it("prints IDs, whole ones if asked", async () => {
    expect((await ps("-aq")).out).toBe("0123456789ab\nffffffffffff\n");
    expect((await ps("-q", "--no-trunc")).out).toBe(`${engine.records[0]!.id}\n`);
  });

  it("follows templates and prints JSON", async () => {
    expect((await ps("--format", "{{.Names}}\\t{{.State}}")).out).toBe("web\trunning\n");
    expect((await ps("--format", "table {{.Names}}\\t{{.Status}}")).out).toBe(
      "NAMES     STATUS\nweb       Up 2 hours\n",
    );
    expect(JSON.parse((await ps("--format", "json")).out)).toMatchObject({
      ID: "0123456789ab",
      Names: "web",
      Labels: "a=b",
    });
    const { code, err } = await ps("--format", "{{.Nope}}");
    expect(code).not.toBe(0);
    expect(err).toContain('"Nope"');
  });
});

describe("stop, kill and rm", () => {
  it("pass seconds and signals on", async () => {
    const engine = new FakeEngine();
    await nacre(["stop", "-t", "2", "web"], { engine });
    await nacre(["stop", "web"], { engine });
    await nacre(["kill", "-s", "HUP", "web"], { engine });
    await nacre(["kill", "web"], { engine });
    expect(engine.calls).toEqual([
      ["stop", "web", { timeoutMs: 2000 }],
      ["stop", "web", {}],
      ["kill", "web", 1],
      ["kill", "web", 9],
    ]);
  });

  it("go on with the others when one fails", async () => {
    const engine = new FakeEngine();
    const { code, out, err } = await nacre(["rm", "absent", "web"], { engine });
    expect({ code, out }).toEqual({ code: 1, out: "web\n" });
    expect(err).toContain("no such container: absent");
  });

  it("are content with what is not there, where a removal is forced", async () => {
    const engine = new FakeEngine();
    const { code, out, err } = await nacre(["rm", "-f", "absent", "web"], { engine });
    expect({ code, out, err }).toEqual({
      ...{ code: 0, out: "web\n", err: "nacre: no such container: absent\n" },
    });
  });

  it("refuse what is no signal, no number", async () => {
    expect((await nacre(["kill", "-s", "NOPE", "web"])).err).toContain("invalid signal: NOPE");
    expect((await nacre(["stop", "-t", "x", "web"])).err).toContain("strconv.ParseInt");
  });
});

describe("logs", () => {
  const line = (stream: "stdout" | "stderr", text: string) => ({
    stream,
    text,
    timeMs: 0,
    time: "1970-01-01T00:00:00.000000001Z",
  });
  const engine = new FakeEngine();
  engine.lines = [line("stdout", "a\u001b[31mred\u001b]0;title\u0007\n"), line("stderr", "b")];

  it("pass byte for byte into pipes, each stream to its own", async () => {
    const { out, err } = await nacre(["logs", "web"], { engine });
    expect(out).toBe("a\u001b[31mred\u001b]0;title\u0007\n");
    expect(err).toBe("b");
  });

  it("only colour a terminal, unless --raw", async () => {
    const { out } = await nacre(["logs", "web"], { engine, terminals: [1] });
    expect(out).toBe("a\u001b[31mred\\x1b]0;title\\x07\n");
    const raw = await nacre(["logs", "--raw", "web"], { engine, terminals: [1] });
    expect(raw.out).toBe(engine.lines[0]!.text);
  });

  it("show times and tails", async () => {
    const { err } = await nacre(["logs", "-t", "--tail", "1", "web"], { engine });
    expect(err).toBe("1970-01-01T00:00:00.000000001Z b");
    expect(asked(engine, "logs").at(-1)).toMatchObject([engine.records[0]!.id, { tail: 1 }]);
  });

  it("show what was asked to be said of each line, as docker writes it", async () => {
    const { err } = await nacre(["logs", "--details", "-t", "web"], { engine });
    expect(err).toBe("1970-01-01T00:00:00.000000001Z com.team=red%2Cblue%3D1,tag=a+b b");
    const plain = new FakeEngine();
    plain.lines = engine.lines;
    plain.containers.logDetails = async () => ({});
    expect((await nacre(["logs", "--details", "web"], { engine: plain })).err).toBe(" b");
  });

  it("end with an interrupt while they are followed", async () => {
    const host = new FakeHost({ engine });
    const running = main(["logs", "-f", "web"], host);
    await expect.poll(() => host.out, { timeout: 20_000 }).not.toBe("");
    host.raise(2);
    expect(await running).toBe(130);
    expect(host.listeners).toBe(0);
  });
});

describe("inspect", () => {
  it("prints docker's JSON of containers and images", async () => {
    const engine = new FakeEngine();
    const { out } = await nacre(["inspect", "web", "debian"], { engine });
    expect(JSON.parse(out)).toMatchObject([
      { Name: "/web" },
      { RepoTags: ["debian:12"], Architecture: "amd64", RootFS: { Type: "layers" } },
    ]);
    expect(out).toContain("\n    {\n");
  });

  it("follows a template", async () => {
    const engine = new FakeEngine();
    const { out } = await nacre(["inspect", "-f", "{{.Path}} {{index .Args 0}}", "web"], {
      engine,
    });
    expect(out).toBe("sh -c\n");
  });

  it("looks among containers alone where it is theirs", async () => {
    const engine = new FakeEngine();
    expect((await nacre(["inspect", "debian"], { engine })).code).toBe(0);
    expect(await nacre(["container", "inspect", "debian"], { engine })).toMatchObject({
      ...{ code: 1, out: "[]\n" },
      err: expect.stringContaining("no such container: debian"),
    });
    const words = ["container", "inspect", "-f", "{{.Name}}", "web"];
    expect((await nacre(words, { engine })).out).toBe("/web\n");
  });

  it("prints what was found and names what was not", async () => {
    const engine = new FakeEngine();
    const { code, out, err } = await nacre(["inspect", "nope", "web"], { engine });
    expect(code).toBe(1);
    expect(JSON.parse(out)).toHaveLength(1);
    expect(err).toContain("no such object: nope");
    expect((await nacre(["inspect", "--type", "image", "web"], { engine })).err).toContain(
      "no such image: web",
    );
  });
});

describe("settle", () => {
  it("is there for supervisors and shown to nobody", async () => {
    const engine = new FakeEngine();
    expect((await nacre(["--root", "/r", "settle", "abc"], { engine })).code).toBe(0);
    expect(engine.calls).toEqual([["settle", "abc"]]);
  });

  it("does not bring back a root that was deleted meanwhile", async () => {
    const settings = { engine: new FakeEngine(), absent: ["/r"] };
    const { code, host } = await nacre(["--root", "/r", "settle", "abc"], settings);
    expect(code).toBe(0);
    expect(host.made).toBeUndefined();
  });
});

describe("start", () => {
  it("goes to the background, or stays with one container and ends as it did", async () => {
    const engine = new FakeEngine();
    engine.exit = { code: 7 };
    const [first] = engine.records;
    const exited = { ...first!, name: "job", status: "exited" as const };
    engine.records.push(exited);
    expect(await nacre(["start", "job"], { engine })).toMatchObject({ code: 0, out: "job\n" });
    expect(await nacre(["start", "-a", "job"], { engine })).toMatchObject({ code: 7, out: "" });
    expect(await nacre(["start", "-i", "job"], { engine })).toMatchObject({ code: 7 });
    expect(asked(engine, "start")).toEqual([
      ["job", undefined, { detached: true }],
      ["job", { stdin: "ignore", stdout: 1, stderr: 2 }, { detached: false }],
      ["job", { stdin: 0, stdout: 1, stderr: 2 }, { detached: false }],
    ]);
  });
});

describe("commands that do one thing to each container", () => {
  it.each(["pause", "unpause", "restart"])(
    "%s names each, and fails if one fails",
    async (name) => {
      const engine = new FakeEngine();
      const { code, out, err } = await nacre([name, "web", "db"], { engine });
      expect({ code, out, err }).toEqual({ code: 0, out: "web\ndb\n", err: "" });
      expect(asked(engine, name).map(([container]) => container)).toEqual(["web", "db"]);
    },
  );

  it("wait prints exit codes, and knows what to wait for", async () => {
    const engine = new FakeEngine();
    const { out } = await nacre(["wait", "--condition", "removed", "web"], { engine });
    expect(out).toBe("0\n");
    expect(asked(engine, "wait")).toEqual([["web", "removed"]]);
    const { code, err } = await nacre(["wait", "--condition", "x", "web"], { engine });
    expect(code).toBe(125);
    expect(err).toContain("must be one of not-running, next-exit, removed");
  });
});

describe("top", () => {
  it("has docker's columns, others by name, and shows no control characters", async () => {
    const engine = new FakeEngine();
    const files = { "/etc/passwd": "root:x:0:0::/:\nlp:x:7:7::/:\n" };
    const settings = { engine, files, nowMs: 2 * HOUR_MS };
    const { out } = await nacre(["top", "web"], settings);
    expect(out.split("\n")[0]).toMatch(/^UID +PID +PPID +C +STIME +TTY +TIME +CMD$/);
    expect(out.split("\n")[1]).toMatch(/^lp +41 +40 +0 +.* +pts\/3 +00:01:01 +sh -c echo /);
    expect(out).not.toContain("\u001b");
    const some = await nacre(["top", "web", "-o", "pid,rss=MEM,etime"], settings);
    expect(some.out).toMatch(/^PID +MEM +ELAPSED\n41 +1024 +02:00:00\n$/);
    const aux = (await nacre(["top", "web", "aux"], settings)).out.split("\n");
    expect(aux[0]).toMatch(/^USER +PID +%CPU +%MEM +VSZ +RSS +TTY +STAT +START +TIME +COMMAND$/);
    expect(aux[1]).toMatch(
      /^lp +41 +0\.8 +1\.2 +2048 +1024 +pts\/3 +SNs\+ +\S+ +1:01 +sh -c echo /,
    );
    const columns = "pid,%mem,pgid,sess,gid,ni,pri,psr,etimes,s,command=WHAT";
    expect((await nacre(["top", "web", "-eo", columns], settings)).out).toMatch(
      /^PID +%MEM +PGID +SID +GID +NI +PRI +PSR +ELAPSED +S +WHAT\n41 +1\.2 +41 +41 +7 +5 +14 +1 +7200 +S +sh -c/,
    );
    expect((await nacre(["top", "web", "-e"], settings)).out).toMatch(
      /^PID +TTY +TIME +CMD\n41 +pts\/3 +00:01:01 +sh\n$/,
    );
    expect((await nacre(["top", "web", "-o", "colour"], settings)).err).toContain(
      "unknown column colour",
    );
    expect((await nacre(["top", "web", "-Z"], settings)).code).toBe(125);
  });
});

describe("stats", () => {
  it("shows use and limit once, or as long as it is let", async () => {
    const engine = new FakeEngine();
    const { out } = await nacre(["stats", "--no-stream"], { engine });
    expect(out.split("\n")[1]).toMatch(
      /^[0-9a-f]{12} +web +12\.35% +16MiB \/ 64MiB +25\.00% +656B \/ 0B +1\.2MB \/ 0B +3$/,
    );
    const host = new FakeHost({ engine, terminals: [1] });
    const running = main(["stats"], host);
    await expect.poll(() => host.out, { timeout: 20_000 }).toContain("web");
    host.raise(2);
    expect(await running).toBe(130);
    expect(host.out).toMatch(/^\u001b\[H\u001b\[J/);
  });
});

describe("run --cidfile", () => {
  it("writes the ID into a new file, and starts nothing where there is one", async () => {
    const engine = new FakeEngine();
    const settings = { engine, absent: ["/ids/new"] };
    const { code, host } = await nacre(["run", "--cidfile", "/ids/new", "debian"], settings);
    expect(code).toBe(0);
    expect(host.created.get("/ids/new")).toBe(engine.records[0]!.id);
    const again = await nacre(["run", "--cidfile", "/ids/old", "debian"], { engine });
    expect(again.code).toBe(125);
    expect(again.err).toContain("container ID file found at /ids/old");
  });
});
