// Tasks among css_sets: born, moved and gone, with what the kernel refuses on the way; and the
// questions that can be asked. The sets themselves are in css-set.ts.

import {
  answerList,
  cgroupResult,
  HIERARCHY_ROOT,
  HIERARCHY_VERSION,
  hierarchyAt,
  isV2,
  NODE_HIERARCHY,
  NODE_LINKS,
  NODE_POPULATION,
  nextHierarchy,
  nodeAt,
  parentOf,
  reserveList,
  systemAt,
} from "./cgroup";
import { limitOf, PIDS_MAX } from "./cgroup-limits";
import { hostFault } from "./cgroup-subtree";
import { cpusetAdmits } from "./cpuset";
import {
  CHAIN_MASK,
  findOrCreate,
  freeSet,
  LINK_NEXT_OF_NODE,
  LINK_NEXT_OF_SET,
  LINK_NODE,
  LINK_SET,
  LINKS,
  linkAt,
  populate,
  SET_FIRST_LINK,
  SET_FIRST_TASK,
  SET_TASKS,
  SETS,
  setAt,
  stateOf,
  TASK_CHAINS,
  TASKS,
  wanted,
} from "./css-set";
import { EAGAIN, EEXIST, EINVAL, ENOENT, ENOSPC, ESRCH } from "./errno";
import { alloc, fill, getU32, setU32 } from "./memory";
import { slotsAdd, slotsAt, slotsDrop, slotsIndex, slotsLive, slotsNext } from "./slots";

// Fields of a task.
const TASK_PID: u32 = 0;
const TASK_SET: u32 = 4;
const TASK_NEXT: u32 = 8;
const TASK_PREVIOUS: u32 = 12;
const TASK_CHAIN: u32 = 16;

const MAX_NODES: u32 = 64;
const given: u32 = alloc((MAX_NODES + 1) * 4);

function taskChain(state: u32, pid: u32): u32 {
  return getU32(state + TASK_CHAINS) + (pid & CHAIN_MASK) * 4;
}

function taskAt(state: u32, handle: u32): u32 {
  return slotsAt(getU32(state + TASKS), handle);
}

/** The task with this PID, or 0. */
function findTask(state: u32, pid: u32): u32 {
  let task = getU32(taskChain(state, pid));
  while (task !== 0) {
    const at = taskAt(state, task);
    if (getU32(at + TASK_PID) === pid) return task;
    task = getU32(at + TASK_CHAIN);
  }
  return 0;
}

function populateAll(system: u32, state: u32, set: u32, leaving: bool): void {
  for (let l = getU32(setAt(state, set) + SET_FIRST_LINK); l !== 0; ) {
    populate(system, nodeAt(system, getU32(linkAt(state, l) + LINK_NODE)), 1, leaving);
    l = getU32(linkAt(state, l) + LINK_NEXT_OF_SET);
  }
}

function attach(system: u32, state: u32, task: u32, set: u32): void {
  const at = taskAt(state, task);
  const record = setAt(state, set);
  const first = getU32(record + SET_FIRST_TASK);
  setU32(at + TASK_SET, set);
  setU32(at + TASK_PREVIOUS, 0);
  setU32(at + TASK_NEXT, first);
  if (first !== 0) setU32(taskAt(state, first) + TASK_PREVIOUS, task);
  setU32(record + SET_FIRST_TASK, task);
  setU32(record + SET_TASKS, getU32(record + SET_TASKS) + 1);
  populateAll(system, state, set, false);
}

/** Takes a task out of its set, which goes with its last one. */
function detach(system: u32, state: u32, task: u32): void {
  const at = taskAt(state, task);
  const set = getU32(at + TASK_SET);
  const record = setAt(state, set);
  const next = getU32(at + TASK_NEXT);
  const previous = getU32(at + TASK_PREVIOUS);
  if (next !== 0) setU32(taskAt(state, next) + TASK_PREVIOUS, previous);
  if (previous !== 0) setU32(taskAt(state, previous) + TASK_NEXT, next);
  else setU32(record + SET_FIRST_TASK, next);
  populateAll(system, state, set, true);
  const left = getU32(record + SET_TASKS) - 1;
  setU32(record + SET_TASKS, left);
  if (left === 0) freeSet(system, state, set);
}

/** Wants the nodes of `set`, or with 0 all roots. */
function wantSet(system: u32, state: u32, set: u32): void {
  for (let h = nextHierarchy(system, 0); h !== 0; h = nextHierarchy(system, h)) {
    setU32(wanted + slotsIndex(h) * 4, getU32(hierarchyAt(system, h) + HIERARCHY_ROOT));
  }
  if (set === 0) return;
  for (let l = getU32(setAt(state, set) + SET_FIRST_LINK); l !== 0; ) {
    const node = getU32(linkAt(state, l) + LINK_NODE);
    setU32(wanted + slotsIndex(getU32(nodeAt(system, node) + NODE_HIERARCHY)) * 4, node);
    l = getU32(linkAt(state, l) + LINK_NEXT_OF_SET);
  }
}

/**
 * Wants `count` nodes at `p` instead, one of a hierarchy at most. Whether tasks may enter is asked
 * only where the node is not the one that was wanted before.
 */
function wantNodes(system: u32, p: u32, count: u32): u32 {
  if (count > MAX_NODES) return EINVAL;
  fill(given, 0, (MAX_NODES + 1) * 4);
  for (let i: u32 = 0; i < count; i++) {
    const handle = getU32(p + i * 4);
    const node = nodeAt(system, handle);
    if (node === 0) return ENOENT;
    const index = slotsIndex(getU32(node + NODE_HIERARCHY)) * 4;
    if (getU32(given + index) !== 0) return EINVAL;
    setU32(given + index, 1);
    if (getU32(wanted + index) === handle) continue;
    const fault = isV2(system, node) ? hostFault(system, node) : 0;
    if (fault !== 0) return fault;
    if (!cpusetAdmits(system, node)) return ENOSPC;
    setU32(wanted + index, handle);
  }
  return 0;
}

/** EAGAIN where one more task would pass a pids.max of a wanted node or above it. */
function pidsFault(system: u32): u32 {
  for (let h = nextHierarchy(system, 0); h !== 0; h = nextHierarchy(system, h)) {
    const version: u32 = getU32(hierarchyAt(system, h) + HIERARCHY_VERSION) === 2 ? 2 : 1;
    let node = nodeAt(system, getU32(wanted + slotsIndex(h) * 4));
    while (node !== 0) {
      const max = limitOf(node, PIDS_MAX, version);
      if (max >= 0 && f64(getU32(node + NODE_POPULATION)) >= max) return EAGAIN;
      node = parentOf(system, node);
    }
  }
  return 0;
}

function addTask(system: u32, state: u32, pid: u32): u32 {
  const fault = pidsFault(system);
  if (fault !== 0) return fault;
  const tasks = getU32(state + TASKS);
  const task = slotsAdd(tasks);
  if (task === 0) return ENOSPC;
  const set = findOrCreate(system, state);
  if (set === 0) {
    slotsDrop(tasks, task);
    return ENOSPC;
  }
  const at = taskAt(state, task);
  setU32(at + TASK_PID, pid);
  setU32(at + TASK_CHAIN, getU32(taskChain(state, pid)));
  setU32(taskChain(state, pid), task);
  attach(system, state, task, set);
  return 0;
}

/**
 * A new task, in the set of `parent` (0: all roots), but in the `count` nodes at `p` of their
 * hierarchies. EEXIST: the PID is taken. ESRCH: no parent. ENOENT: no such node. EINVAL: PID 0, or
 * two nodes of one hierarchy. EAGAIN: pids.max. ENOSPC, EBUSY, EOPNOTSUPP: as for `cssMove`.
 */
export function cssFork(s: u32, parent: u32, pid: u32, p: u32, count: u32): u32 {
  const system = systemAt(s);
  const state = stateOf(system);
  if (state === 0) return ENOENT;
  if (pid === 0) return EINVAL;
  if (findTask(state, pid) !== 0) return EEXIST;
  let set: u32 = 0;
  if (parent !== 0) {
    const task = findTask(state, parent);
    if (task === 0) return ESRCH;
    set = getU32(taskAt(state, task) + TASK_SET);
  }
  wantSet(system, state, set);
  const fault = wantNodes(system, p, count);
  return fault === 0 ? addTask(system, state, pid) : fault;
}

/**
 * Moves a task into the `count` nodes at `p`, all or none. ESRCH: no such task. ENOENT: no such
 * node. EINVAL: two nodes of one hierarchy. EBUSY: a version 2 node passes controllers on.
 * EOPNOTSUPP: it lies in a threaded subtree. ENOSPC: a version 1 cpuset without CPUs or memory.
 */
export function cssMove(s: u32, pid: u32, p: u32, count: u32): u32 {
  const system = systemAt(s);
  const state = stateOf(system);
  const task = state === 0 ? 0 : findTask(state, pid);
  if (task === 0) return ESRCH;
  wantSet(system, state, getU32(taskAt(state, task) + TASK_SET));
  const fault = wantNodes(system, p, count);
  if (fault !== 0) return fault;
  const set = findOrCreate(system, state);
  if (set === 0) return ENOSPC;
  if (set === getU32(taskAt(state, task) + TASK_SET)) return 0;
  detach(system, state, task);
  attach(system, state, task, set);
  return 0;
}

/** A task's end. ESRCH: no such task. */
export function cssExit(s: u32, pid: u32): u32 {
  const system = systemAt(s);
  const state = stateOf(system);
  const task = state === 0 ? 0 : findTask(state, pid);
  if (task === 0) return ESRCH;
  let at = taskChain(state, pid);
  while (getU32(at) !== task) at = taskAt(state, getU32(at)) + TASK_CHAIN;
  setU32(at, getU32(taskAt(state, task) + TASK_CHAIN));
  detach(system, state, task);
  slotsDrop(getU32(state + TASKS), task);
  return 0;
}

/** Result: the set of a task. */
export function cssOf(s: u32, pid: u32): u32 {
  const state = stateOf(systemAt(s));
  const task = state === 0 ? 0 : findTask(state, pid);
  if (task === 0) return ESRCH;
  setU32(cgroupResult(), getU32(taskAt(state, task) + TASK_SET));
  return 0;
}

/** Result: a list of all sets. */
export function cssSets(s: u32): u32 {
  const state = stateOf(systemAt(s));
  if (state === 0) return ENOENT;
  const sets = getU32(state + SETS);
  const p = reserveList(slotsLive(sets));
  let count: u32 = 0;
  for (let set = slotsNext(sets, 0); set !== 0; set = slotsNext(sets, set)) {
    setU32(p + count * 4, set);
    count++;
  }
  answerList(p, count);
  return 0;
}

/** Result: a list of a set's nodes, over its links. */
export function cssNodes(s: u32, set: u32): u32 {
  const state = stateOf(systemAt(s));
  const record = state === 0 ? 0 : setAt(state, set);
  if (record === 0) return ENOENT;
  const p = reserveList(64);
  let count: u32 = 0;
  for (let l = getU32(record + SET_FIRST_LINK); l !== 0; ) {
    setU32(p + count * 4, getU32(linkAt(state, l) + LINK_NODE));
    l = getU32(linkAt(state, l) + LINK_NEXT_OF_SET);
    count++;
  }
  answerList(p, count);
  return 0;
}

/** Result: a list of the PIDs in a set. */
export function cssTasks(s: u32, set: u32): u32 {
  const state = stateOf(systemAt(s));
  const record = state === 0 ? 0 : setAt(state, set);
  if (record === 0) return ENOENT;
  const p = reserveList(getU32(record + SET_TASKS));
  let count: u32 = 0;
  for (let t = getU32(record + SET_FIRST_TASK); t !== 0; t = getU32(taskAt(state, t) + TASK_NEXT)) {
    setU32(p + count * 4, getU32(taskAt(state, t) + TASK_PID));
    count++;
  }
  answerList(p, count);
  return 0;
}

/** Result: a list of the sets that lie in a node, over its links. */
export function cssSetsOf(s: u32, node: u32): u32 {
  const system = systemAt(s);
  const state = stateOf(system);
  const record = nodeAt(system, node);
  if (record === 0) return ENOENT;
  const p = reserveList(slotsLive(getU32(state + SETS)));
  let count: u32 = 0;
  for (let l = getU32(record + NODE_LINKS); l !== 0; ) {
    const link = linkAt(state, l);
    setU32(p + count * 4, getU32(link + LINK_SET));
    l = getU32(link + LINK_NEXT_OF_NODE);
    count++;
  }
  answerList(p, count);
  return 0;
}

/** Result: how many sets, links and tasks there are. */
export function cssCounts(s: u32): u32 {
  const state = stateOf(systemAt(s));
  if (state === 0) return ENOENT;
  setU32(cgroupResult(), slotsLive(getU32(state + SETS)));
  setU32(cgroupResult() + 4, slotsLive(getU32(state + LINKS)));
  setU32(cgroupResult() + 8, slotsLive(getU32(state + TASKS)));
  return 0;
}
