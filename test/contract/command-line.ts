// What the command line does with an engine, on whatever kernel: its words, exit codes and output.
// Containers run in the background, so that what they write comes back by their logs; what a
// foreground needs of descriptors and terminals is the real kernel's alone (test/kernel/engine-*).

import type { Engine } from "@nacre/engine/engine.ts";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { main } from "../../cli/main.ts";
import { FakeHost, type HostSettings } from "../cli/fake-host.ts";
import { copyCases } from "./command-line-copies.ts";
import { dockerCases } from "./command-line-docker.ts";
import { listingCases } from "./command-line-listing.ts";
import { logCases } from "./command-line-logs.ts";
import { secretCases } from "./command-line-secrets.ts";
import { selectionCases } from "./command-line-selection.ts";
import type { EngineSubject } from "./engine.ts";

/** The same engine for command after command: a process of its own would end a simulation. */
function kept(engine: Engine): Engine {
  return new Proxy(engine, {
    get(target, name) {
      if (name === Symbol.asyncDispose) return async () => {};
      const member: unknown = Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

/** What comes in milliseconds may take seconds on a machine that is busy with something else. */
const PATIENCE = { timeout: 20_000 };

type CommandLineSubject = Omit<EngineSubject, "device" | "scratch">;

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export function commandLineContract(
  name: string,
  makeSubject: () => Promise<CommandLineSubject>,
): void {
  describe(`the command line on ${name}`, () => {
    let subject: CommandLineSubject;
    let engine: Engine;
    beforeAll(async () => {
      subject = await makeSubject();
      engine = kept(subject.engine);
    });
    afterEach(async () => {
      for (const { id } of engine.containers.list({ all: true })) {
        await engine.containers.remove(id, { force: true });
      }
    });
    afterAll(() => subject.dispose());

    const nacre = async (...words: string[]): Promise<Outcome> => nacreOn({}, ...words);
    const nacreOn = async (settings: HostSettings, ...words: string[]): Promise<Outcome> => {
      const host = new FakeHost({ engine, nowMs: Date.now(), ...settings });
      const code = await main(words, host);
      return { code, out: host.out, err: host.err };
    };
    /** Output of a command that must succeed. */
    const does = async (...words: string[]): Promise<string> => {
      const { code, out, err } = await nacre(...words);
      expect({ code, err }, words.join(" ")).toEqual({ code: 0, err: "" });
      return out.trimEnd();
    };
    const start = (name: string, script: string, ...options: string[]) =>
      does(
        ...["run", "-d", "--network", "none", "--name", name, ...options],
        ...[subject.image, "sh", "-c", script],
      );
    const state = async (name: string) => JSON.parse(await does("inspect", name))[0].State;

    it("runs in the background, lists, shows logs, waits and removes", async () => {
      const id = await start("job", "echo out; echo err >&2; exit 3");
      expect(id).toMatch(/^[0-9a-f]{64}$/);
      expect(await does("wait", "job")).toBe("3");
      expect(await nacre("logs", "job")).toEqual({ code: 0, out: "out\n", err: "err\n" });
      expect(await does("logs", "--tail", "0", "job")).toBe("");
      expect((await nacre("logs", "--since", "", "--until", "", "job")).out).toBe("out\n");
      expect(await does("ps", "-q")).toBe("");
      expect(await does("ps", "-a", "--format", "{{.Names}} {{.State}}")).toBe("job exited");
      expect(await does("ps", "-aq", "--no-trunc", "--filter", "exited=3")).toBe(id);
      expect(await does("rm", "job")).toBe("job");
      expect((await nacre("inspect", "job")).code).toBe(1);
    });

    it("creates, starts, restarts and renames", async () => {
      const script = "echo x >> /count; wc -l < /count; exec sleep 1000";
      await does("create", "--name", "made", subject.image, "sh", "-c", script);
      expect((await state("made")).Status).toBe("created");
      expect(await does("start", "made")).toBe("made");
      await expect.poll(() => does("logs", "made"), PATIENCE).toBe("1");
      expect(await does("restart", "-t", "0", "made")).toBe("made");
      await expect.poll(() => does("logs", "made"), PATIENCE).toBe("1\n2");
      expect((await nacre("rename", "made", "made")).err).toContain("has that name already");
      await does("rename", "made", "other");
      expect(await does("ps", "--format", "{{.Names}}")).toBe("other");
      expect(await does("rm", "-f", "other")).toBe("other");
    });

    it("pauses, lets go, stops by the signal and after the time that one says", async () => {
      const ready = () => does("logs", "--tail", "1", "held");
      const traps = "trap 'exit 9' USR2; trap '' TERM; echo ready; while :; do sleep 0.05; done";
      await start("held", traps);
      // A signal before that would be lost on the first process of a pid namespace.
      await expect.poll(ready, PATIENCE).toBe("ready");
      await does("pause", "held");
      expect(await state("held")).toMatchObject({ Status: "paused", Paused: true });
      expect((await nacre("exec", "-d", "held", "true")).err).toContain("it is paused");
      await does("unpause", "held");
      await does("kill", "-s", "USR2", "held");
      expect(await does("wait", "held")).toBe("9");
      await does("start", "held");
      await does("stop", "-t", "0", "held");
      expect(await state("held")).toMatchObject({ Status: "exited", ExitCode: 137 });
    });

    it("executes in a container that runs, and shows its processes", async () => {
      await start("busy", "exec sleep 1000");
      await does("exec", "-d", "busy", "sh", "-c", "echo joined > /joined; exec sleep 1001");
      await expect.poll(() => does("top", "busy", "-o", "args"), PATIENCE).toContain("sleep 1001");
      expect((await does("top", "busy", "-o", "pid")).split("\n")).toHaveLength(3);
      const [usage] = (await does("stats", "--no-stream", "--format", "json", "busy")).split("\n");
      expect(JSON.parse(usage!)).toMatchObject({ Name: "busy", PIDs: "2" });
    });

    it("limits, and changes limits", async () => {
      await start("small", "exec sleep 1000", "--memory", "64m", "--pids-limit", "20");
      const { HostConfig } = JSON.parse(await does("inspect", "small"))[0];
      expect(HostConfig).toMatchObject({ Memory: 67108864, PidsLimit: 20 });
      expect(await does("update", "--memory", "32m", "small")).toBe("small");
      const stats = JSON.parse(await does("stats", "--no-stream", "--format", "json", "small"));
      expect(stats.MemUsage).toMatch(/ \/ 32MiB$/);
    });

    it("answers what docker's templates ask of ports and addresses: that there are none", async () => {
      const options = [
        "--network",
        "none",
        "--name",
        "asked",
        "--expose",
        "80",
        "--expose=7-8/UDP",
      ];
      await does("create", ...options, subject.image, "true");
      const template = [
        "[{{.NetworkSettings.IPAddress}}{{.NetworkSettings.MacAddress}}]",
        "{{range $name, $one := .NetworkSettings.Networks}}{{$name}}={{$one.IPAddress}};{{end}}",
        "{{range $port, $to := .NetworkSettings.Ports}}{{(index $to 0).HostPort}}{{end}}",
        "{{len .HostConfig.PortBindings}} {{.HostConfig.Links}} {{.HostConfig.Init}}",
        "{{json .Config.ExposedPorts}} {{.Config.StdinOnce}} {{.ExecIDs}} [{{.AppArmorProfile}}]",
      ];
      expect(await does("inspect", "-f", template.join("|"), "asked")).toBe(
        '[]|none=;||0 [] <nil>|{"7/udp":{},"8/udp":{},"80/tcp":{}} false [] []',
      );
      await does("commit", "asked", "asked:1");
      const exposed = ["image", "inspect", "-f", "{{json .Config.ExposedPorts}}", "asked:1"];
      expect(await does(...exposed)).toBe('{"7/udp":{},"8/udp":{},"80/tcp":{}}');
      await does("rmi", "asked:1");
    });

    it("says in an image of a container what was asked for that", async () => {
      const health = ["--health-cmd", "test -e /ok", "--health-interval", "7s"];
      const more = [
        "-v",
        "/anon",
        "--mount",
        "type=tmpfs,dst=/t",
        "--network",
        "none",
        "--name",
        "source",
      ];
      await does("create", ...health, ...more, subject.image, "true");
      const mounts = "{{range .Mounts}}{{.Type}} [{{.Driver}}] {{.Destination}};{{end}}";
      expect(await does("inspect", "-f", mounts, "source")).toBe(
        "volume [local] /anon;tmpfs [] /t;",
      );
      const shown = await does("ps", "-a", "--format", "{{.Mounts}}");
      expect(shown).toMatch(/^[0-9a-f]{14}…,\/t$/);
      await does("commit", "source", "source:1");
      const asked = "{{json .Config.Healthcheck}} {{json .Config.Volumes}} {{.Config.Shell}}";
      expect(await does("image", "inspect", "-f", asked, "source:1")).toBe(
        '{"Test":["CMD-SHELL","test -e /ok"],"Interval":7000000000} {"/anon":{}} []',
      );
      await does("rmi", "source:1");
      await does("rm", "-v", "source");
    });

    it("replaces a container of the same name where that is asked for", async () => {
      const first = await start("same", "while :; do sleep 0.05; done");
      const again = ["create", "--network", "none", "--replace", subject.image, "true"];
      expect((await nacre(...again)).err).toContain("cannot replace a container without --name");
      const named = ["--name", "same", ...again.slice(1)];
      const second = await does("create", ...named);
      expect(second).not.toBe(first);
      const third = await does("run", "-d", ...named);
      expect(await does("ps", "-aq", "--no-trunc")).toBe(third);
    });

    it("keeps annotations for who inspects it, and refuses what nobody drives", async () => {
      const options = ["--annotation", "org.example.team=red", "--annotation", "bare"];
      await start("noted", "true", ...options);
      const { HostConfig } = JSON.parse(await does("inspect", "noted"))[0];
      expect(HostConfig.Annotations).toEqual({ "org.example.team": "red", bare: "" });
      const refused = await nacre("run", "--gpus", "all", subject.image, "true");
      expect(refused).toMatchObject({ code: 125, out: "" });
      expect(refused.err).toContain("--gpus all: there is no driver for GPUs here");
    });

    it("says of log lines what was asked for, where it is asked", async () => {
      const wanted = ["labels=tier,none", "env=A", "tag=it/{{.Name}}"];
      const options = wanted.flatMap((option) => ["--log-opt", option]);
      await start("said", "echo out", ...options, "--label", "tier=a,b", "-e", "A=1 2");
      await does("wait", "said");
      expect(await does("logs", "said")).toBe("out");
      expect(await does("logs", "--details", "said")).toBe("A=1+2,tag=it%2Fsaid,tier=a%2Cb out");
      const wrong = await nacre(
        ...["run", "-d", "--log-opt", "tag={{.Nothing}}", "--network", "none"],
        ...[subject.image, "true"],
      );
      expect(wrong).toMatchObject({ code: 125, out: "" });
    });

    it("refuses more processors than there are, and a directory that is not there", async () => {
      const words = ["run", "-d", "--network", "none", "--cpus", "5000", subject.image, "true"];
      const { code, err } = await nacre(...words);
      expect(code).toBe(125);
      expect(err).toMatch(/range of CPUs is from 0\.01 to \d+\.00, as there are only \d+ CPUs/);
      await start("some", "exec sleep 1000");
      const more = await nacre("update", "--cpus", "5000", "some");
      expect(more.code).toBe(1);
      expect(more.err).toContain("range of CPUs is from 0.01 to");
      const nowhere = await nacre("exec", "-d", "-w", "/no/where", "some", "true");
      expect(nowhere.code).toBe(127);
      expect(nowhere.err).toContain('chdir to cwd ("/no/where") failed: no such file or directory');
      expect((await nacre("exec", "-d", "-w", "/bin/sh", "some", "true")).code).toBe(126);
    });

    it("starts again what its policy starts again", async () => {
      await start("failing", "echo started; exit 7", "--restart", "on-failure:1");
      await expect
        .poll(async () => {
          // On a simulated kernel time passes only while somebody waits.
          await does("wait", "failing");
          return JSON.parse(await does("inspect", "failing"))[0];
        }, PATIENCE)
        .toMatchObject({ RestartCount: 1, State: { Status: "exited", ExitCode: 7 } });
      expect(await does("logs", "failing")).toBe("started\nstarted");
    });

    it.each<[string, number, string, string[]]>([
      [
        "a command that is not there",
        127,
        "executable file not found",
        ["run", "-d", "IMAGE", "nosuch"],
      ],
      [
        "a command that cannot be executed",
        126,
        "cannot be executed",
        ["run", "-d", "IMAGE", "/etc"],
      ],
      [
        "an image that is not there",
        125,
        "no-such-image",
        ["run", "-d", "--pull", "never", "no-such-image"],
      ],
      ["a container that is not there", 1, "no such container: nobody", ["stop", "nobody"]],
      ["a name that is taken", 125, "already in use", ["run", "-d", "--name", "taken", "IMAGE"]],
      [
        "a network that is not there",
        125,
        "network nowhere not found",
        ["run", "-d", "--network", "nowhere", "IMAGE"],
      ],
      [
        "a limit that makes no sense",
        125,
        "minimum memory limit",
        ["run", "-d", "-m", "1m", "IMAGE"],
      ],
    ])("refuses %s", async (_, code, message, words) => {
      await does("create", "--name", "taken", subject.image, "true");
      const real = words.map((word) => (word === "IMAGE" ? subject.image : word));
      const outcome = await nacre(...real);
      expect(outcome.code).toBe(code);
      expect(outcome.err).toContain(message);
      // The ID of what was made and cannot be started is there, as with docker.
      expect(outcome.out).toMatch(code === 125 || code === 1 ? /^$/ : /^[0-9a-f]{64}\n$/);
    });

    it("pushes what was tagged, and says its digest", async () => {
      const name = `${subject.registry}/pushed/by-command:1`;
      await does("tag", subject.image, name);
      const [head, ...lines] = (await does("push", name)).split("\n");
      expect(head).toBe(`The push refers to repository [${subject.registry}/pushed/by-command]`);
      expect(lines.at(-1)).toMatch(/^1: digest: sha256:[0-9a-f]{64} size: \d+$/);
      expect(await does("push", "-q", name)).toBe(name);
      await does("rmi", name);
      expect((await nacre("push", name)).code).toBe(1);
      expect(await does("pull", "-q", name)).toBe(name);
      await does("rmi", name);
    });

    copyCases({ nacre: nacreOn, start });
    dockerCases({ image: () => subject.image, nacre: nacreOn, does, start });
    secretCases({ image: () => subject.image, nacre: nacreOn, does, start });
    logCases({ nacre: nacreOn, does, start });
    selectionCases({ nacre: nacreOn, does, start });
    listingCases({ image: () => subject.image, nacre: nacreOn, does, start });

    it("explains a run without running it", async () => {
      const text = await does("explain", "run", "--memory", "64m", subject.image, "true");
      expect(text).toContain("memory.limit_in_bytes");
      expect(await does("ps", "-aq")).toBe("");
    });

    it("removes what has ended, and says what was done", async () => {
      await start("ended", "true");
      await does("wait", "ended");
      expect(await does("system", "prune", "-f")).toContain("Deleted Containers:");
      expect(await does("ps", "-aq")).toBe("");
      const events = await does(
        "events",
        "--since",
        "0",
        "--until",
        "0s",
        "--format",
        "{{.Action}}",
      );
      expect(events.split("\n")).toEqual(
        expect.arrayContaining(["create", "start", "die", "destroy"]),
      );
    });
  });
}
