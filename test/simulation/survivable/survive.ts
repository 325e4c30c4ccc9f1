// Tries a command with each of its points failing in each plausible way, and looks whether the
// machine survives: what follows must work, and leave the machine as it was.

import { NacreError } from "@nacre/core/error.ts";
import type { Fault, FaultRule, Point } from "@nacre/simulated/faults.ts";
import { plausibleErrnos } from "@nacre/simulated/plausible-errnos.ts";
import { pull, runOnce, type Scenario } from "./beginnings.ts";
import { cleanUp } from "./scenarios.ts";
import { Died, World } from "./world.ts";

/** A point, and what goes wrong there. */
export interface Trial {
  readonly number: number;
  readonly point: Point;
  readonly fault: Fault;
  /** Decides what a loss of power takes. */
  readonly seed: number;
}

export interface Report {
  readonly scenario: string;
  readonly operations: number;
  readonly tried: number;
  /** One line for each trial that something was wrong after. */
  readonly violations: readonly string[];
}

/** Longer than a process sleeps that is to look after a container's end. */
const LATE_MS = 10_000;

type State = ReturnType<World["state"]>;

/** What a scenario does when nothing fails, and how the machine is once all is cleaned up. */
interface Calm {
  readonly trace: readonly Point[];
  readonly clean: State;
}

async function begin(scenario: Scenario): Promise<World> {
  const world = new World(await scenario.stored?.(), scenario);
  await scenario.prepare?.(world);
  return world;
}

async function calm(scenario: Scenario): Promise<Calm> {
  const world = await begin(scenario);
  const faults = world.inject({ trace: true });
  await world.command(scenario.work);
  world.inject(undefined);
  const other = await begin({ ...scenario, work: async () => {} });
  if (scenario.mended) await other.command(scenario.mended);
  await other.command(cleanUp);
  return { trace: faults?.trace ?? [], clean: other.state() };
}

/** All faults that a point is tried with. */
function faultsFor({ actor, call, ...point }: Point, losses: number): Fault[] {
  const off = Array.from({ length: losses }, (): Fault => ({ do: "powerOff" }));
  if (call === "end") return off;
  const faults: Fault[] = plausibleErrnos({ actor, call, ...point }).map((errno) => {
    return { do: "fail", errno };
  });
  if (actor === "files" && call === "write") faults.push({ do: "short" });
  if (actor === "network") faults.push({ do: "cut" }, { do: "stall" });
  faults.push({ do: "kill", who: "engine" });
  if (actor === "supervisor" || actor === "child") faults.push({ do: "kill", who: "supervisor" });
  if (actor === "supervisor" || actor === "child") faults.push({ do: "kill", who: "container" });
  return [...faults, ...off];
}

const faultName = (fault: Fault): string =>
  fault.do === "fail" ? fault.errno : fault.do === "kill" ? `kill ${fault.who}` : fault.do;

const named = ({ number, point, fault }: Trial): string =>
  `${number} ${point.actor} ${point.call} ${point.path}: ${faultName(fault)}`;

export interface SurviveOptions {
  /** One trial in so many, beginning with the first; all if absent. */
  readonly every?: number;
  /** How often the power is lost at each point, with something else of the disk each time; once if absent. */
  readonly losses?: number;
}

export async function survive(scenario: Scenario, options: SurviveOptions = {}): Promise<Report> {
  const { every = 1, losses = 1 } = options;
  const quiet = await calm(scenario);
  const { trace } = quiet;
  const end: Point = { actor: "kernel", call: "end", path: "" };
  const trials = [...trace, end].flatMap((point, number) =>
    faultsFor(point, losses).map((fault, seed): Trial => ({ number, point, fault, seed })),
  );
  const chosen = trials.filter((_, i) => i % every === 0);
  const violations: string[] = [];
  for (const trial of chosen) {
    const { number: at, fault, seed, point } = trial;
    const wrong = await attempt(scenario, quiet, { at, fault }, seed, point);
    violations.push(...wrong.map((one) => `${scenario.name}: ${named(trial)}: ${one}`));
  }
  return { scenario: scenario.name, operations: trace.length, tried: chosen.length, violations };
}

/** What is wrong after a command in which a rule strikes; nothing if it was survived. */
export async function attemptRule(
  scenario: Scenario,
  rule: FaultRule,
  seed = 0,
): Promise<string[]> {
  return attempt(scenario, await calm(scenario), rule, seed);
}

async function attempt(
  scenario: Scenario,
  calm: Calm,
  rule: FaultRule,
  seed = 0,
  point?: Point,
): Promise<string[]> {
  const world = await begin(scenario);
  world.lossSeed = seed;
  const { fault } = rule;
  const faults = world.inject({ rules: [rule] });
  const outcome = await world.command(scenario.work).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (point?.call === "end") strikeAfter(world, fault);
  world.inject(undefined);
  const lost = fault.do === "powerOff";
  if (lost) world.reboot();
  const hit = point?.call === "end" ? { point } : faults?.injected[0];
  if (!hit) return ["the run did not repeat itself: the point was not reached"];
  if (point && JSON.stringify(hit.point) !== JSON.stringify(point)) {
    return [`the run did not repeat itself: it was at ${hit.point.call} ${hit.point.path}`];
  }
  const wrong = [...badOutcome(outcome, fault)];
  // Where something looks after the container by itself, that is not done at once.
  const undone = !hit.point.call.startsWith("undo ") && !scenario.settles;
  if (undone && fault.do === "fail" && outcome !== undefined && !scenario.prepare) {
    same(world.state(), kernelOf(calm.clean), "at once", wrong);
  }
  try {
    await world.command(async (engine) => engine.containers.list({ all: true }));
    if (scenario.mended) await world.command(scenario.mended);
    const goesOn = scenario.startsDaemon && (outcome === undefined || outcome instanceof Died);
    if (undone && !scenario.prepare && !goesOn) {
      same(withoutParents(world.state()), kernelOf(calm.clean), "after ps", wrong);
    }
    await look(world, scenario, calm, lost, wrong);
  } catch (error) {
    wrong.push(`then: ${error instanceof Error ? `${error.name}: ${error.message}` : error}`);
  }
  return wrong;
}

/** When the command has ended, its process too: what is left to lose is the machine. */
function strikeAfter(world: World, fault: Fault): void {
  if (fault.do === "powerOff") world.powerOff();
}

function* badOutcome(outcome: unknown, fault: Fault): Generator<string> {
  const harmless = fault.do === "short" || fault.do === "delay" || fault.do === "cut";
  if (outcome === undefined || outcome instanceof Died) return;
  if (harmless) yield `failed of what must not matter: ${String(outcome)}`;
  if (!(outcome instanceof NacreError)) {
    yield `failed with no error of ours: ${outcome instanceof Error ? outcome.stack : outcome}`;
  } else if (outcome.kind === "internal") yield `failed with: ${outcome.message}`;
}

/** The commands that follow a look. */
async function look(
  world: World,
  scenario: Scenario,
  { clean }: Calm,
  lost: boolean,
  wrong: string[],
): Promise<void> {
  await sound(world, "after ps", wrong, (severity) => severity === "damage");
  await world.command(cleanUp);
  // Who waits to start a container again sees that it is gone, and goes too.
  if (scenario.settles) await world.drive(world.clock.sleep(LATE_MS));
  const there = await world.command(async (engine) => engine.images.list().length > 0);
  if (!there && scenario.keepsImage) wrong.push("the image is lost");
  // Without its image the machine may have fewer files, or more.
  const expected = scenario.keepsImage ? clean : kernelOf(clean);
  same(world.state(), expected, "after prune", wrong);
  await sound(world, "after prune", wrong, (severity) => severity !== "torn" || !lost);
  const code = await world.command(runOnce).catch((error: NacreError) => error);
  if (code !== 0) {
    const wants = code instanceof NacreError && ["not-found", "corrupt"].includes(code.kind);
    const may = wants && (!there || (lost && !scenario.keepsImage));
    if (!may) wrong.push(`run fails: ${String(code)}`);
    await world.command(pull);
    const again = await world.command(runOnce);
    if (again !== 0) wrong.push(`run after pull: ${again}`);
  }
  if (lost || !scenario.keepsImage) {
    // What was torn is whole again.
    await world.command(pull);
    await world.command(cleanUp);
    await sound(world, "in the end", wrong, () => true);
  }
  same(world.state(), expected, "in the end", wrong);
}

async function sound(
  world: World,
  when: string,
  wrong: string[],
  counts: (severity: string) => boolean,
): Promise<void> {
  for (const { severity, subject, reason } of await world.problems()) {
    if (counts(severity)) wrong.push(`${when}: ${severity}: ${subject}: ${reason}`);
  }
}

/** The empty nodes that all containers share go with the next container's end, or a prune. */
function withoutParents(state: State): State {
  return { ...state, cgroups: (state.cgroups ?? []).filter((one) => !one.endsWith(":/nacre")) };
}

function kernelOf({ files, ...kernel }: State): State {
  return kernel;
}

/** Without what is remembered of copies: losing it costs time alone, and which are in it is chance. */
const lasting = (lines: readonly string[]): readonly string[] =>
  lines.filter((line) => !line.includes("/builds/copies.json file "));

function same(state: State, expected: State, when: string, wrong: string[]): void {
  for (const [kind, all] of Object.entries(expected)) {
    const before = lasting(all);
    const now = lasting(state[kind] ?? []);
    const added = now.filter((one) => !before.includes(one));
    const gone = before.filter((one) => !now.includes(one));
    if (added.length > 0) wrong.push(`${when}: ${kind} left: ${added.slice(0, 3).join("; ")}`);
    if (gone.length > 0) wrong.push(`${when}: ${kind} gone: ${gone.slice(0, 3).join("; ")}`);
    if (now.length !== before.length && added.length + gone.length === 0) {
      wrong.push(`${when}: ${now.length} ${kind} instead of ${before.length}`);
    }
  }
}
