// css_sets: where tasks are, in all hierarchies at once.
//
// A task is in one node of every hierarchy. Tasks with the same combination share one css_set, which
// the kernel finds by a hash over its nodes; a task points to its css_set and to nothing else, so a
// fork copies one pointer. A css_set and a node are joined by a link (cgrp_cset_link): a set has one
// for each hierarchy, a node one for each set, and both can be walked. The set goes, with its links,
// when its last task goes. (Linux, include/linux/cgroup-defs.h, kernel/cgroup/cgroup.c.)

import {
  HIERARCHY_ROOT,
  hierarchyAt,
  NODE_HIERARCHY,
  NODE_LINKS,
  NODE_POPULATION,
  NODE_TASKS,
  nextHierarchy,
  nodeAt,
  parentOf,
  SYSTEM_EPOCH,
  SYSTEM_SETS,
} from "./cgroup";
import { alloc, fill, getU32, setU32 } from "./memory";
import { slotsAdd, slotsAt, slotsDrop, slotsIndex, slotsNew, slotsNext } from "./slots";

// What a system keeps here.
export const SETS: u32 = 0;
export const LINKS: u32 = 4;
export const TASKS: u32 = 8;
/** Heads of the chains of sets by hash, and of tasks by PID. */
const SET_CHAINS: u32 = 12;
export const TASK_CHAINS: u32 = 16;
const EPOCH: u32 = 20;
export const CHAIN_MASK: u32 = 4095;

// Fields of a set.
const SET_HASH: u32 = 0;
export const SET_TASKS: u32 = 4;
export const SET_FIRST_LINK: u32 = 8;
export const SET_FIRST_TASK: u32 = 12;
const SET_CHAIN: u32 = 16;

// Fields of a link.
export const LINK_SET: u32 = 0;
export const LINK_NODE: u32 = 4;
export const LINK_NEXT_OF_SET: u32 = 8;
export const LINK_NEXT_OF_NODE: u32 = 12;
const LINK_PREVIOUS_OF_NODE: u32 = 16;

/** The node that is wanted in each hierarchy, by the hierarchy's index: the combination to find. */
export const wanted: u32 = alloc(65 * 4);

/** The address of what the system keeps, up to date with its hierarchies; 0 for no system. */
export function stateOf(system: u32): u32 {
  if (system === 0) return 0;
  let state = getU32(system + SYSTEM_SETS);
  if (state === 0) {
    state = alloc(24);
    setU32(state + SETS, slotsNew(24));
    setU32(state + LINKS, slotsNew(24));
    setU32(state + TASKS, slotsNew(24));
    setU32(state + SET_CHAINS, alloc((CHAIN_MASK + 1) * 4));
    setU32(state + TASK_CHAINS, alloc((CHAIN_MASK + 1) * 4));
    setU32(system + SYSTEM_SETS, state);
  }
  if (getU32(state + EPOCH) !== getU32(system + SYSTEM_EPOCH)) followHierarchies(system, state);
  return state;
}

export function setAt(state: u32, handle: u32): u32 {
  return slotsAt(getU32(state + SETS), handle);
}

export function linkAt(state: u32, handle: u32): u32 {
  return slotsAt(getU32(state + LINKS), handle);
}

function mix(x: u32): u32 {
  let h = (x ^ (x << 13)) >>> 0;
  h = (h ^ (h >>> 17)) >>> 0;
  return (h ^ (h << 5)) >>> 0;
}

/** Counts `count` tasks in at `node` and above; out, where `leaving`. */
export function populate(system: u32, node: u32, count: u32, leaving: bool): void {
  const tasks = getU32(node + NODE_TASKS);
  setU32(node + NODE_TASKS, leaving ? tasks - count : tasks + count);
  for (let at = node; at !== 0; at = parentOf(system, at)) {
    const population = getU32(at + NODE_POPULATION);
    setU32(at + NODE_POPULATION, leaving ? population - count : population + count);
  }
}

/** Joins a set and a node. False where no more links are to be had. */
function join(system: u32, state: u32, set: u32, node: u32): bool {
  const handle = slotsAdd(getU32(state + LINKS));
  if (handle === 0) return false;
  const link = linkAt(state, handle);
  const setRecord = setAt(state, set);
  const nodeRecord = nodeAt(system, node);
  const first = getU32(nodeRecord + NODE_LINKS);
  setU32(link + LINK_SET, set);
  setU32(link + LINK_NODE, node);
  setU32(link + LINK_NEXT_OF_SET, getU32(setRecord + SET_FIRST_LINK));
  setU32(link + LINK_NEXT_OF_NODE, first);
  if (first !== 0) setU32(linkAt(state, first) + LINK_PREVIOUS_OF_NODE, handle);
  setU32(setRecord + SET_FIRST_LINK, handle);
  setU32(nodeRecord + NODE_LINKS, handle);
  return true;
}

/** Takes a link out of its node's list, where the node still is, and ends it. */
function part(system: u32, state: u32, handle: u32): void {
  const link = linkAt(state, handle);
  const next = getU32(link + LINK_NEXT_OF_NODE);
  const previous = getU32(link + LINK_PREVIOUS_OF_NODE);
  if (next !== 0) setU32(linkAt(state, next) + LINK_PREVIOUS_OF_NODE, previous);
  if (previous !== 0) setU32(linkAt(state, previous) + LINK_NEXT_OF_NODE, next);
  const node = nodeAt(system, getU32(link + LINK_NODE));
  if (previous === 0 && node !== 0) setU32(node + NODE_LINKS, next);
  slotsDrop(getU32(state + LINKS), handle);
}

/** Brings one set in line with the hierarchies there are: it lies in the root of a new one. */
function followInSet(system: u32, state: u32, set: u32): void {
  const record = setAt(state, set);
  fill(wanted, 0, 65 * 4);
  let link = getU32(record + SET_FIRST_LINK);
  setU32(record + SET_FIRST_LINK, 0);
  while (link !== 0) {
    const at = linkAt(state, link);
    const next = getU32(at + LINK_NEXT_OF_SET);
    const node = nodeAt(system, getU32(at + LINK_NODE));
    if (node === 0) {
      part(system, state, link);
    } else {
      setU32(wanted + slotsIndex(getU32(node + NODE_HIERARCHY)) * 4, 1);
      setU32(at + LINK_NEXT_OF_SET, getU32(record + SET_FIRST_LINK));
      setU32(record + SET_FIRST_LINK, link);
    }
    link = next;
  }
  for (let h = nextHierarchy(system, 0); h !== 0; h = nextHierarchy(system, h)) {
    if (getU32(wanted + slotsIndex(h) * 4) !== 0) continue;
    const root = getU32(hierarchyAt(system, h) + HIERARCHY_ROOT);
    if (join(system, state, set, root)) {
      populate(system, nodeAt(system, root), getU32(record + SET_TASKS), false);
    }
  }
  let hash: u32 = 0;
  for (let l = getU32(record + SET_FIRST_LINK); l !== 0; ) {
    hash = (hash + mix(getU32(linkAt(state, l) + LINK_NODE))) >>> 0;
    l = getU32(linkAt(state, l) + LINK_NEXT_OF_SET);
  }
  setU32(record + SET_HASH, hash);
}

/**
 * A hierarchy came or went. One can only go when all tasks are in its root, so no two sets become
 * equal by its going.
 */
function followHierarchies(system: u32, state: u32): void {
  const sets = getU32(state + SETS);
  fill(getU32(state + SET_CHAINS), 0, (CHAIN_MASK + 1) * 4);
  for (let set = slotsNext(sets, 0); set !== 0; set = slotsNext(sets, set)) {
    followInSet(system, state, set);
    enchain(state, set);
  }
  setU32(state + EPOCH, getU32(system + SYSTEM_EPOCH));
}

function enchain(state: u32, set: u32): void {
  const record = setAt(state, set);
  const head = getU32(state + SET_CHAINS) + (getU32(record + SET_HASH) & CHAIN_MASK) * 4;
  setU32(record + SET_CHAIN, getU32(head));
  setU32(head, set);
}

/** The set whose nodes are exactly the wanted ones, or 0. */
function findSet(system: u32, state: u32, hash: u32): u32 {
  let set = getU32(getU32(state + SET_CHAINS) + (hash & CHAIN_MASK) * 4);
  while (set !== 0) {
    const record = setAt(state, set);
    if (getU32(record + SET_HASH) === hash && isWanted(system, state, record)) return set;
    set = getU32(record + SET_CHAIN);
  }
  return 0;
}

function isWanted(system: u32, state: u32, record: u32): bool {
  let link = getU32(record + SET_FIRST_LINK);
  while (link !== 0) {
    const at = linkAt(state, link);
    const node = getU32(at + LINK_NODE);
    const hierarchy = getU32(nodeAt(system, node) + NODE_HIERARCHY);
    if (getU32(wanted + slotsIndex(hierarchy) * 4) !== node) return false;
    link = getU32(at + LINK_NEXT_OF_SET);
  }
  return true;
}

/** The set of the wanted nodes, made if there is none; 0 where no more are to be had. */
export function findOrCreate(system: u32, state: u32): u32 {
  let hash: u32 = 0;
  for (let h = nextHierarchy(system, 0); h !== 0; h = nextHierarchy(system, h)) {
    hash = (hash + mix(getU32(wanted + slotsIndex(h) * 4))) >>> 0;
  }
  const found = findSet(system, state, hash);
  if (found !== 0) return found;
  const set = slotsAdd(getU32(state + SETS));
  if (set === 0) return 0;
  setU32(setAt(state, set) + SET_HASH, hash);
  enchain(state, set);
  for (let h = nextHierarchy(system, 0); h !== 0; h = nextHierarchy(system, h)) {
    if (join(system, state, set, getU32(wanted + slotsIndex(h) * 4))) continue;
    freeSet(system, state, set);
    return 0;
  }
  return set;
}

export function freeSet(system: u32, state: u32, set: u32): void {
  const record = setAt(state, set);
  let at = getU32(state + SET_CHAINS) + (getU32(record + SET_HASH) & CHAIN_MASK) * 4;
  while (getU32(at) !== set) at = setAt(state, getU32(at)) + SET_CHAIN;
  setU32(at, getU32(record + SET_CHAIN));
  let link = getU32(record + SET_FIRST_LINK);
  while (link !== 0) {
    const next = getU32(linkAt(state, link) + LINK_NEXT_OF_SET);
    part(system, state, link);
    link = next;
  }
  slotsDrop(getU32(state + SETS), set);
}
