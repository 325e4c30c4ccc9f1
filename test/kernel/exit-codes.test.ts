// The table of docs/decisions/0015-exit-codes.md, by the same commands given to docker and to us:
// the codes are the same, or they differ on purpose, as docs/DOCKER.md says.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";
import { PeerMissing, version } from "../../benchmarks/peers/command.ts";
import { type Docker, startDocker } from "../../benchmarks/peers/docker.ts";
import { openStage } from "../../benchmarks/stage.ts";
import { busyboxImage } from "../images/busybox.ts";
import { tar } from "../images/tar.ts";
import { NACRE } from "./engine-bench.ts";

const BROKEN = tar([
  { name: "bin/broken", mode: 0o644, content: "no program\n" },
  { name: "bin/noise", mode: 0o755, content: "no program\n" },
]);

interface Case {
  /** `IMAGE` stands for the image. */
  readonly words: readonly string[];
  /** What both answer, where ours is no other. */
  readonly code?: number;
  /** What docker answers, by its versions, where that is not what we do. */
  readonly docker?: readonly number[];
}

const run = (...words: string[]): string[] => ["run", "--rm", "--network", "none", ...words];
const same = (code: number, ...words: string[]): Case => ({ words, code });
const other = (code: number, docker: readonly number[], ...words: string[]): Case => ({
  ...{ words, code, docker },
});

/** On `up`, which runs, `held`, which is paused, `over`, which has ended with 3, and nobody. */
const CASES: readonly Case[] = [
  same(0, ...run("IMAGE", "true")),
  same(42, ...run("IMAGE", "sh", "-c", "exit 42")),
  same(137, ...run("IMAGE", "sh", "-c", "sh -c 'kill -9 $$'; exit $?")),
  same(0, ...run("IMAGE", "sh", "-c", "kill -TERM $$; exit 0")),
  same(127, ...run("IMAGE", "nosuch")),
  same(127, ...run("IMAGE", "/no/such")),
  same(126, ...run("IMAGE", "/etc")),
  same(126, ...run("IMAGE", "/etc/passwd")),
  other(126, [127], ...run("IMAGE", "broken")),
  other(126, [1, 126, 255], ...run("IMAGE", "noise")),
  other(127, [125, 126], ...run("IMAGE", "/bin/true/x")),
  same(125, ...run("--no-such-option", "IMAGE")),
  same(125, ...run("--memory", "1m", "IMAGE", "true")),
  same(125, ...run("--cpus", "5000", "IMAGE", "true")),
  same(125, ...run("--user", "nobody-like-this", "IMAGE", "true")),
  same(125, ...run("-w", "relative", "IMAGE", "true")),
  same(125, ...run("-v", "/a:/", "IMAGE", "true")),
  same(125, ...run("--gpus", "all", "IMAGE", "true")),
  same(125, ...run("--hostname", "x".repeat(70), "IMAGE", "true")),
  same(125, ...run("--name", "up", "IMAGE", "true")),
  same(125, ...run("--name", "-x-", "IMAGE", "true")),
  same(125, ...run("--pull", "never", "nobody/has:it")),
  same(125, "run", "--rm", "--network", "nowhere", "IMAGE", "true"),
  other(125, [1], "run"),
  other(125, [1], ...run("-it", "IMAGE", "true")),
  same(0, "exec", "up", "true"),
  same(5, "exec", "up", "sh", "-c", "exit 5"),
  other(127, [126, 127], "exec", "up", "nosuch"),
  same(126, "exec", "up", "/etc"),
  other(127, [126, 127], "exec", "-w", "/no/where", "up", "true"),
  same(126, "exec", "-w", "relative", "up", "true"),
  same(126, "exec", "-w", "/bin/busybox", "up", "true"),
  same(125, "exec", "--no-such-option", "up", "true"),
  same(1, "exec", "nobody", "true"),
  same(1, "exec", "over", "true"),
  same(1, "exec", "held", "true"),
  same(3, "start", "-a", "over"),
  same(1, "start", "nobody"),
  same(0, "start", "up"),
  same(0, "wait", "over"),
  same(1, "wait", "nobody"),
  same(0, "stop", "over"),
  same(1, "stop", "nobody"),
  same(1, "kill", "over"),
  same(1, "kill", "nobody"),
  other(125, [1], "kill", "-s", "NOPE", "up"),
  same(1, "pause", "over"),
  same(1, "pause", "held"),
  same(1, "unpause", "up"),
  same(1, "restart", "nobody"),
  same(1, "rename", "up", "over"),
  same(1, "update", "--memory", "64m", "nobody"),
  same(1, "update", "up"),
  same(1, "update", "--cpus", "5000", "up"),
  same(1, "rm", "up"),
  same(1, "rm", "nobody"),
  same(0, "rm", "-f", "nobody"),
  same(1, "logs", "nobody"),
  same(1, "inspect", "nobody"),
  same(1, "top", "over"),
  same(1, "port", "nobody"),
  same(1, "diff", "nobody"),
  same(1, "cp", "nobody:/x", "/tmp"),
  same(1, "export", "nobody"),
  same(1, "commit", "nobody"),
  same(1, "attach", "over"),
  same(1, "ps", "--filter", "stat=x"),
  same(1, "ps", "--filter", "status=bogus"),
  same(125, "ps", "--filter", "bare"),
  same(125, "ps", "--no-such-option"),
  same(125, "stop", "--no-such-option", "up"),
  same(1, "rmi", "nobody/has:it"),
  same(1, "tag", "nobody/has:it", "x"),
  same(1, "history", "nobody/has:it"),
  same(1, "save", "nobody/has:it"),
  same(1, "image", "inspect", "nobody/has:it"),
  same(1, "volume", "rm", "nobody"),
  same(1, "volume", "inspect", "nobody"),
  same(1, "system", "prune", "-f", "--filter", "colour=red"),
  same(1, "system", "prune", "-f", "--volumes", "--filter", "until=1h"),
  same(0, "system", "prune", "-f", "--filter", "label=nobody-has-it"),
];

type Give = (words: readonly string[]) => { readonly code: number; readonly said: string };

const giver =
  (program: string, ...first: string[]): Give =>
  (words) => {
    // No terminal, and no end that somebody waits for.
    const options = { encoding: "utf8", input: "", timeout: 60_000 } as const;
    const { status, stdout, stderr } = spawnSync(program, [...first, ...words], options);
    return { code: status ?? -1, said: `${stdout}${stderr}` };
  };

function prepare(give: Give, reference: string): void {
  const does = (...words: string[]) => {
    const { code, said } = give(words);
    expect({ code, said: code === 0 ? "" : said }, words.join(" ")).toEqual({ code: 0, said: "" });
  };
  does("pull", "-q", reference);
  for (const name of ["up", "held"]) {
    does("run", "-d", "--network", "none", "--name", name, reference, "sleep", "1000");
  }
  does("pause", "held");
  does("create", "--network", "none", "--name", "over", reference, "sh", "-c", "exit 3");
  does("start", "over");
  does("wait", "over");
}

/** The reason, where there is none to compare with. */
async function dockerOr(data: () => string): Promise<Docker | string> {
  try {
    version("dockerd", "--version");
    return await startDocker(data());
  } catch (error) {
    if (error instanceof PeerMissing) return error.message;
    throw error;
  }
}

it("end as docker's commands do, but where docs/DOCKER.md says otherwise", {
  timeout: 300_000,
}, async ({ skip }) => {
  try {
    version("dockerd", "--version");
  } catch (error) {
    skip((error as Error).message);
  }
  await using stage = await openStage();
  await using stack = new AsyncDisposableStack(); // docker ends before its disk goes
  const docker = await dockerOr(() => join(stage.disk.path, "docker"));
  if (typeof docker === "string") return skip(docker);
  stack.use(docker);
  const image = busyboxImage();
  const layers = [...image.layers, { tar: BROKEN, createdBy: "broken" }];
  const { reference } = await stage.publish("codes", { ...image, layers });
  const theirs = giver("docker", "--host", docker.host);
  const ours = giver(NACRE, "--root", join(stage.disk.path, "nacre"));
  const remove = (give: Give) => give(["rm", "-f", "up", "held", "over"]);
  stack.defer(() => void [theirs, ours].map(remove));
  for (const give of [theirs, ours]) prepare(give, reference);
  const wrong: string[] = [];
  for (const { words, code, docker: known } of CASES) {
    const real = words.map((word) => (word === "IMAGE" ? reference : word));
    const [there, here] = [theirs(real), ours(real)];
    const agrees = known ? known.includes(there.code) : there.code === code;
    if (here.code === code && agrees) continue;
    const lines = [`docker ${there.code}: ${there.said}`, `nacre ${here.code}: ${here.said}`];
    wrong.push(`${words.join(" ")} (${code})\n${lines.join("\n")}`);
  }
  expect(wrong.join("\n")).toBe("");
});
