// How mounts and unmounts spread between mounts that were made by copying one another: peers of a
// group see each other's, slaves receive those of their master's group, private mounts see none.
// Source: Linux, Documentation/filesystems/sharedsubtree.rst, fs/pnode.c.

import type { Dentry } from "./dentry.ts";
import { type Mount, type MountTree, PeerGroup } from "./mount.ts";

/** What makes new mounts and groups: both are numbered on a machine. */
export interface MountFactory {
  copyMount(original: Mount, root: Dentry): Mount;
  newGroupId(): number;
}

export type Propagation = "private" | "slave" | "shared" | "unbindable";

function leaveGroup(mount: Mount): void {
  const { group } = mount;
  if (!group) return;
  mount.group = undefined;
  group.members.delete(mount);
  if (group.members.size > 0) return;
  // The last member's slaves have nobody to listen to any more but its own master.
  for (const slave of group.slaves) setMaster(slave, mount.master);
}

function setMaster(mount: Mount, master: PeerGroup | undefined): void {
  mount.master?.slaves.delete(mount);
  mount.master = master;
  master?.slaves.add(mount);
}

function joinGroup(mount: Mount, group: PeerGroup): void {
  mount.group = group;
  group.members.add(mount);
}

/** What a copy of a mount is to others: a peer of the original, and a slave of the same master. */
export function inheritPropagation(copy: Mount, original: Mount): void {
  if (original.group) joinGroup(copy, original.group);
  setMaster(copy, original.master);
}

/** mount_setattr(2) `propagation` on one mount. */
export function changePropagation(mount: Mount, to: Propagation, factory: MountFactory): void {
  if (to === "shared") {
    mount.unbindable = false;
    if (!mount.group) joinGroup(mount, new PeerGroup(factory.newGroupId()));
    return;
  }
  const { group } = mount;
  const peers = group ? [...group.members].filter((m) => m !== mount) : [];
  if (to === "slave") {
    // A shared mount becomes the slave of its former peers; without any, of its own master.
    leaveGroup(mount);
    if (group && peers.length > 0) setMaster(mount, group);
    return;
  }
  leaveGroup(mount);
  setMaster(mount, undefined);
  mount.unbindable = to === "unbindable";
}

/** Leaves every group, as an unmounted mount does. */
export function isolate(mount: Mount): void {
  leaveGroup(mount);
  setMaster(mount, undefined);
}

/** All mounts that receive what happens on `origin`, itself left out. */
export function receivers(origin: Mount): Mount[] {
  const found = new Set<Mount>();
  const visit = (group: PeerGroup | undefined): void => {
    if (!group) return;
    for (const member of group.members) {
      if (member !== origin && member.tree) found.add(member);
    }
    for (const slave of group.slaves) {
      if (found.has(slave) || slave === origin) continue;
      if (slave.tree) found.add(slave);
      visit(slave.group);
    }
  };
  visit(origin.group);
  return [...found];
}

/** A copy of a mount and of all on it. `keep` may leave parts out, with what is on them. */
export function copyTree(
  top: Mount,
  root: Dentry,
  factory: MountFactory,
  keep: (mount: Mount) => boolean = () => true,
  copied: (original: Mount, copy: Mount) => void = () => {},
): Mount {
  const copy = factory.copyMount(top, root);
  copied(top, copy);
  for (const attribute of top.attributes) copy.attributes.add(attribute);
  for (const lock of top.locked) copy.locked.add(lock);
  inheritPropagation(copy, top);
  for (const [mountpoint, child] of top.children) {
    if (!keep(child) || !mountpoint.isBelow(root)) continue;
    const below = copyTree(child, child.root, factory, keep, copied);
    below.fixed = child.fixed;
    below.attachTo(copy, mountpoint);
  }
  return copy;
}

/** Lays `top` at a place; what another receiver had there before comes to lie on it. */
function attachBelow(top: Mount, parent: Mount, mountpoint: Dentry): void {
  const covered = parent.children.get(mountpoint);
  covered?.detach();
  top.attachTo(parent, mountpoint);
  covered?.attachTo(top, top.root);
}

/** Attaches a detached tree, and copies of it wherever the parent's mounts spread to. */
export function attachTree(
  top: Mount,
  parent: Mount,
  mountpoint: Dentry,
  factory: MountFactory,
): void {
  if (parent.group) {
    for (const mount of top.subtree()) changePropagation(mount, "shared", factory);
  }
  const places = receivers(parent).filter((m) => mountpoint.isBelow(m.root));
  for (const place of places) {
    const copy = copyTree(top, top.root, factory);
    const peer = place.group !== undefined && place.group === parent.group;
    for (const mount of copy.subtree()) {
      if (peer) continue;
      changePropagation(mount, "slave", factory);
      if (place.group) changePropagation(mount, "shared", factory);
    }
    attachBelow(copy, place, mountpoint);
    (place.tree as MountTree).adopt(copy);
  }
  top.attachTo(parent, mountpoint);
  parent.tree?.adopt(top);
}

/** Takes a mount off its place, to be attached elsewhere; what it spread to stays. */
export function detachFrom(top: Mount): void {
  const { tree } = top;
  top.detach();
  for (const mount of top.subtree()) tree?.release(mount);
}

/** Takes a mount and all on it away, here and wherever that spreads to. */
export function detachTree(top: Mount): void {
  const gone = new Set<Mount>(top.subtree());
  for (const mount of [...gone]) {
    if (!mount.parent || !mount.mountpoint) continue;
    for (const place of receivers(mount.parent)) {
      const copy = place.children.get(mount.mountpoint);
      // What somebody mounted on a copy keeps it.
      if (copy && [...copy.children.values()].every((c) => gone.has(c))) gone.add(copy);
    }
  }
  for (const mount of [...gone].reverse()) {
    mount.detach();
    mount.tree?.release(mount);
    isolate(mount);
  }
}
