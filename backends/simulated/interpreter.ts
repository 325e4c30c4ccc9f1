// Carries out the sections of a program, operation by operation, and undoes what it did. The
// counterpart of nacre-init's run.c: which operation may stand in which section, what is
// remembered to be undone, and what is said when one fails.

import { inverseOf } from "@nacre/core/program/inverse.ts";
import type { Operation, OperationName } from "@nacre/core/program/operation.ts";
import type { KernelProgram, Section } from "@nacre/core/program/program.ts";
import * as child from "./child-operations.ts";
import { Errno } from "./errno.ts";
import { type Execution, NOTHING_MADE } from "./execution.ts";
import type { Fault, Point } from "./faults.ts";
import * as host from "./host-operations.ts";
import { stayAsInit } from "./init-process.ts";
import { Outsider } from "./outsider.ts";
import * as place from "./place-operations.ts";
import { ProcessGone } from "./process.ts";
import * as root from "./root-operations.ts";
import { joinSessionKeyring } from "./session-keyring.ts";
import * as start from "./start-operations.ts";
import { openTerminal } from "./terminal.ts";

type Place = Execution["section"] | "outside";
type Runner<N extends OperationName> = (
  self: Execution,
  operation: Extract<Operation, { op: N }>,
) => unknown;
type Table = {
  readonly [N in OperationName]: readonly [run: Runner<N>, places: readonly Place[]];
};

const ANY: readonly Place[] = ["host", "parent", "child", "outside"];
const TREE: readonly Place[] = ["host", "child", "outside"];
const CHILD: readonly Place[] = ["child"];
/** What somebody else may do for the child, too. */
const SURROUNDINGS: readonly Place[] = ["child", "outside"];

const HOW: Table = {
  makeDirectory: [host.makeDirectory, ANY],
  removeDirectory: [host.removeDirectory, ANY],
  writeFile: [host.writeFile, ANY],
  createFile: [host.createFile, ANY],
  removeFile: [host.removeFile, ANY],
  makeCgroup: [host.makeCgroup, ANY],
  mount: [host.mount, ANY],
  bind: [host.bind, ANY],
  remount: [host.remount, ANY],
  unmount: [host.unmountTarget, ANY],
  shareMount: [host.shareMount, ANY],
  releaseMount: [host.releaseMount, ANY],
  attachDeviceFilter: [host.attachDeviceFilter, ANY],
  fail: [host.failOnPurpose, ANY],
  runHook: [start.runHook, ANY],
  joinCgroup: [host.joinCgroup, ["parent"]],
  killAfter: [host.killAfter, ["parent"]],
  writeProcessFile: [host.writeProcessFile, ["parent"]],
  connectListener: [host.connectListener, ["host"]],
  actAsOwner: [host.actAsOwner, ["host", "outside"]],
  unshare: [child.unshare, SURROUNDINGS],
  setPropagation: [root.setPropagation, TREE],
  openRoot: [root.openRoot, TREE],
  mountInRoot: [root.mountInRoot, TREE],
  bindInRoot: [root.bindInRoot, TREE],
  maskInRoot: [root.maskInRoot, SURROUNDINGS],
  readOnlyInRoot: [root.readOnlyInRoot, SURROUNDINGS],
  enterRoot: [root.enterRoot, SURROUNDINGS],
  setMountAttributes: [root.setMountAttributes, SURROUNDINGS],
  setHostname: [child.setHostname, SURROUNDINGS],
  setDomainname: [child.setDomainname, SURROUNDINGS],
  linkUp: [child.linkUp, SURROUNDINGS],
  setSysctl: [root.setSysctl, SURROUNDINGS],
  setLimit: [child.setLimit, ["parent", "child"]],
  setUmask: [child.setUmask, CHILD],
  newSession: [child.newSession, CHILD],
  openTerminal: [openTerminal, CHILD],
  boundCapabilities: [child.boundCapabilities, CHILD],
  setUser: [child.setUser, CHILD],
  setCapabilities: [child.setCapabilities, CHILD],
  noNewPrivileges: [child.noNewPrivileges, CHILD],
  filterSystemCalls: [child.filterSystemCalls, CHILD],
  changeDirectory: [root.changeDirectory, CHILD],
  writeOwnFile: [start.writeOwnFile, CHILD],
  joinSessionKeyring: [joinSessionKeyring, CHILD],
  setPersonality: [start.setPersonality, CHILD],
  setMemoryPolicy: [start.setMemoryPolicy, CHILD],
  setIoPriority: [start.setIoPriority, CHILD],
  setScheduler: [start.setScheduler, CHILD],
  findProgram: [start.findProgram, CHILD],
  awaitStart: [start.awaitStart, CHILD],
  stayAsInit: [stayAsInit, CHILD],
  enterTimeNamespace: [child.enterTimeNamespace, CHILD],
  execute: [child.execute, CHILD],
  placeDirectory: [place.placeDirectory, TREE],
  placeFile: [place.placeFile, TREE],
  placeText: [place.placeText, TREE],
  placeSymlink: [place.placeSymlink, TREE],
  placeHardLink: [place.placeHardLink, TREE],
  placeNode: [place.placeNode, TREE],
  placeAttribute: [place.placeAttribute, TREE],
  placeTimes: [place.placeTimes, TREE],
};

/** An operation that failed, where it stands, and what the kernel said. */
export class OperationFailure extends Error {
  readonly section: Section;
  readonly index: number;
  readonly fault: Errno;

  constructor(section: Section, index: number, fault: Errno) {
    super(`${section} ${index}: ${fault.message}`);
    this.section = section;
    this.index = index;
    this.fault = fault;
  }
}

/** An inverse that failed: something of the operation at `index` is left. */
export interface UndoFailure {
  readonly index: number;
  readonly fault: Errno;
}

/** Why a program is refused before anything of it is done; undefined if it is sound. */
export function malformed(program: KernelProgram): string | undefined {
  const sections: [Place, readonly Operation[]][] = [["host", program.host]];
  if (program.process) {
    sections.push(["parent", program.process.parent], ["child", program.process.child]);
  }
  for (const [section, operations] of sections) {
    const placeOf = (o: Operation): Place => (o.outside ? "outside" : section);
    const wrong = operations.find(
      (o) => (o.outside && section !== "child") || !HOW[o.op][1].includes(placeOf(o)),
    );
    if (wrong) return `${wrong.op} may not stand in the ${section} section`;
  }
  return undefined;
}

/** What an operation is about, in a word. */
function subjectOf(operation: Operation): string {
  if ("target" in operation) return operation.target;
  if ("path" in operation) return operation.path;
  if ("name" in operation) return operation.name;
  return operation.op === "execute" ? (operation.arguments[0] ?? "") : "";
}

export class Interpreter {
  readonly #done: { readonly index: number; readonly inverse: Operation }[] = [];

  async #run(self: Execution, operation: Operation): Promise<unknown> {
    const [run] = HOW[operation.op] as readonly [Runner<OperationName>, readonly Place[]];
    return self.machine.as(self.process, () => run(self, operation as never));
  }

  /** Before each operation that may be made to fail. Throws ProcessGone if nobody is left to do it. */
  async #reach(self: Execution, point: Omit<Point, "actor">): Promise<Fault | undefined> {
    const { faults, clock } = self.machine;
    if (faults) {
      const actor = self.section === "child" ? "child" : "supervisor";
      const fault = faults.reach({ actor, ...point }, self.process);
      if (fault?.do === "delay") await clock.sleep(fault.ms);
    }
    if (!self.process.alive) throw new ProcessGone();
    return undefined;
  }

  /**
   * Rejects with OperationFailure at the first operation that fails, and with ProcessGone where
   * the process that carries it out is killed.
   */
  async section(self: Execution, operations: readonly Operation[]): Promise<void> {
    const { section } = self;
    const outsider = new Outsider(self);
    try {
      for (const [index, operation] of operations.entries()) {
        const by = operation.outside ? outsider.there() : self;
        if (!operation.outside) outsider.leave();
        await this.#step(by, operation, { section, index });
      }
    } finally {
      outsider.leave();
    }
  }

  async #step(
    self: Execution,
    operation: Operation,
    { section, index }: { readonly section: Place & Section; readonly index: number },
  ): Promise<void> {
    try {
      const [call, path] = [operation.op, subjectOf(operation)];
      await this.#reach(self, { call, path, section, index });
      const outcome = await this.#run(self, operation);
      const inverse = section === "host" ? inverseOf(operation) : undefined;
      if (inverse && outcome !== NOTHING_MADE) this.#done.push({ index, inverse });
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      throw new OperationFailure(section, index, error);
    }
  }

  /** Fails where clone(2) is to fail on purpose. */
  beforeClone(self: Execution): void {
    const point = { actor: "supervisor", call: "clone", path: "", section: "clone", index: 0 };
    self.machine.faults?.before(point as Point, self.process);
    if (!self.process.alive) throw new ProcessGone();
  }

  /** The inverses of what was done, the latest first. One that fails does not stop the others. */
  async undo(self: Execution): Promise<UndoFailure[]> {
    const failures: UndoFailure[] = [];
    for (let done = this.#done.pop(); done; done = this.#done.pop()) {
      try {
        const call = `undo ${done.inverse.op}`;
        await this.#reach(self, { call, path: subjectOf(done.inverse), index: done.index });
        await this.#run(self, done.inverse);
      } catch (error) {
        if (!(error instanceof Errno)) throw error;
        failures.push({ index: done.index, fault: error });
      }
    }
    return failures;
  }
}
