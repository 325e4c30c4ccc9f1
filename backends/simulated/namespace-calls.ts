// clone, unshare and setns: how a process comes into other namespaces (namespaces(7)).
// Source: Linux, kernel/nsproxy.c, kernel/user_namespace.c, and `install` of each kind.

import type { MountAttribute } from "@nacre/core/program/mount-description.ts";
import type { NamespaceKind } from "@nacre/core/program/operation.ts";
import { type Credentials, capable, insideUserNamespace } from "./credentials.ts";
import { FileDescription } from "./descriptor-table.ts";
import { fail } from "./errno.ts";
import type { Machine } from "./machine.ts";
import { followMounts, type Mount, MountTree, type Path, samePath } from "./mount.ts";
import {
  CgroupNamespace,
  IpcNamespace,
  MountNamespace,
  Namespace,
  type NamespaceSet,
  NetworkNamespace,
  PidNamespace,
  UtsNamespace,
} from "./namespaces.ts";
import { NamespaceInode } from "./nsfs.ts";
import type { Process } from "./process.ts";
import { getLimit } from "./process-limits.ts";
import { changePropagation, copyTree } from "./propagation.ts";
import { makeUserNamespace, UserNamespace } from "./user-namespace.ts";

/** What a process, or a child of it, is in and who it is after namespaces were made. */
export interface NewPlace {
  /** `pid` and `time` are where its children will be. */
  readonly namespaces: NamespaceSet;
  readonly root: Path;
  readonly cwd: Path;
  readonly credentials: Credentials;
}

const HOSTNAME_MAX_BYTES = 64;
const NOFILE = 7;

/** Bits that who has no rights over the original may not take from its copy. */
const LOCKED: readonly MountAttribute[] = ["ro", "nodev", "nosuid", "noexec", "noatime"];

/** What was mounted for a stronger user namespace hides what lies below, and stays as it is. */
function lockMounts(base: Mount): void {
  for (const mount of base.subtree()) {
    for (const attribute of LOCKED)
      if (mount.attributes.has(attribute)) mount.locked.add(attribute);
    mount.locked.add("access time");
    if (mount !== base) mount.fixed = true;
  }
}

/** A copy of a mount namespace; `moved` tells where a place of the old one is in the new one. */
function copyMounts(
  machine: Machine,
  from: MountNamespace,
  owner: UserNamespace,
): { namespace: MountNamespace; moved: (path: Path) => Path } {
  const copies = new Map<Mount, Mount>();
  const { base: top } = from.tree;
  const isMountNamespace = (mount: Mount): boolean =>
    mount.root.inode instanceof NamespaceInode && mount.root.inode.namespace.kind === "mnt";
  const base = copyTree(
    top,
    top.root,
    machine,
    (mount) => !isMountNamespace(mount),
    (original, copy) => copies.set(original, copy),
  );
  if (owner !== from.owner) {
    for (const mount of base.subtree()) if (mount.group) changePropagation(mount, "slave", machine);
    lockMounts(base);
  }
  const inode = machine.newNamespaceInode();
  const namespace = new MountNamespace(inode, owner, new MountTree(base));
  machine.mountNamespaces.add(namespace);
  const moved = (path: Path): Path => ({
    mount: copies.get(path.mount) ?? path.mount,
    dentry: path.dentry,
  });
  return { namespace, moved };
}

/** A new namespace of a kind, as a process leaves its own for it. */
function fresh(
  machine: Machine,
  process: Process,
  kind: NamespaceKind,
  owner: UserNamespace,
): Namespace {
  const { uts, pid } = process.namespaces;
  if (kind === "pid" && process.pidForChildren !== pid) fail("EINVAL");
  const inode = machine.newNamespaceInode();
  switch (kind) {
    case "uts":
      return new UtsNamespace(inode, owner, uts.hostname, uts.domainname);
    case "ipc":
      return new IpcNamespace(inode, owner);
    case "net":
      return new NetworkNamespace(inode, owner);
    case "cgroup":
      return new CgroupNamespace(inode, owner, process.cssSet.nodes);
    case "pid":
      return new PidNamespace(inode, owner, pid);
    default:
      return new Namespace(kind, inode, owner);
  }
}

/** A new user namespace cannot be made from within a chroot. */
function requireWholeRoot(process: Process): void {
  const top = followMounts(process.namespaces.mnt.tree.base.path);
  if (!samePath(top, process.root)) fail("EPERM");
}

/** clone(2) or unshare(2) with CLONE_NEWUSER: EPERM from within a chroot. */
export function newUserNamespace(machine: Machine, process: Process): UserNamespace {
  const { credentials: who } = process;
  requireWholeRoot(process);
  return makeUserNamespace(machine.newNamespaceInode(), {
    parent: who.user,
    uid: who.uid,
    gid: who.gid,
    setsFileCapabilities: capable(who, "CAP_SETFCAP", who.user),
  });
}

const withNewUser = (machine: Machine, process: Process): Credentials =>
  insideUserNamespace(process.credentials, newUserNamespace(machine, process));

/**
 * The namespaces of a child, with its root, working directory and credentials in them. Those of
 * `create` are new. EPERM without CAP_SYS_ADMIN, which a new user namespace gives.
 */
export function namespacesOfChild(
  machine: Machine,
  process: Process,
  create: readonly NamespaceKind[],
): NewPlace {
  const makesUser = create.includes("user");
  const credentials = makesUser ? withNewUser(machine, process) : process.credentials;
  const owner = credentials.user;
  const others = create.filter((kind) => kind !== "user");
  if (others.length > 0 && !capable(process.credentials, "CAP_SYS_ADMIN", owner)) fail("EPERM");
  const namespaces: NamespaceSet = {
    ...process.namespaces,
    pid: process.pidForChildren,
    time: process.timeForChildren,
    user: owner,
  };
  let { root, cwd } = process;
  for (const kind of others) {
    if (kind === "mnt") {
      const { namespace, moved } = copyMounts(machine, process.namespaces.mnt, owner);
      namespaces.mnt = namespace;
      root = moved(root);
      cwd = moved(cwd);
    } else Object.assign(namespaces, { [kind]: fresh(machine, process, kind, owner) });
  }
  return { namespaces, root, cwd, credentials };
}

/** unshare(2). New pid and time namespaces are for later children. */
export function unshare(machine: Machine, process: Process, kinds: readonly NamespaceKind[]): void {
  const { namespaces, root, cwd, credentials } = namespacesOfChild(machine, process, kinds);
  const { pid, time } = process.namespaces;
  if (kinds.includes("pid")) process.pidForChildren = namespaces.pid;
  if (kinds.includes("time")) process.timeForChildren = namespaces.time;
  process.namespaces = { ...namespaces, pid, time };
  process.root = root;
  process.cwd = cwd;
  process.credentials = credentials;
  // Mounts go with the last who was in their namespace.
  if (kinds.includes("mnt")) machine.releaseNamespaces();
}

/** setns(2). EINVAL for a namespace of another kind. */
export function join(
  machine: Machine,
  process: Process,
  namespace: Namespace,
  kind: NamespaceKind,
): void {
  if (namespace.kind !== kind) fail("EINVAL");
  const who = process.credentials;
  if (namespace instanceof UserNamespace) {
    if (namespace === who.user) fail("EINVAL");
    if (!capable(who, "CAP_SYS_ADMIN", namespace)) fail("EPERM");
    process.credentials = insideUserNamespace(who, namespace);
    process.namespaces = { ...process.namespaces, user: namespace };
    return;
  }
  const inIt = capable(who, "CAP_SYS_ADMIN", namespace.owner);
  const atHome = capable(who, "CAP_SYS_ADMIN", who.user);
  if (!inIt || !atHome) fail("EPERM");
  if (namespace instanceof PidNamespace) {
    // Only into what lies within its own.
    if (!process.namespaces.pid.contains(namespace)) fail("EINVAL");
    process.pidForChildren = namespace;
    return;
  }
  if (kind === "time") process.timeForChildren = namespace;
  if (namespace instanceof MountNamespace) {
    if (!capable(who, "CAP_SYS_CHROOT", who.user)) fail("EPERM");
    const top = followMounts(namespace.tree.base.path);
    process.root = top;
    process.cwd = top;
  }
  process.namespaces = { ...process.namespaces, [kind]: namespace };
  if (kind === "mnt") machine.releaseNamespaces();
}

/** The namespace that a descriptor stands for; `otherwise` for one of anything else. */
export function namespaceOf(
  process: Process,
  descriptor: number,
  otherwise: "EINVAL" | "ENOTTY",
): Namespace {
  const { path, mode } = process.files.get(descriptor);
  if (mode.pathOnly) fail("EBADF");
  const { inode } = path.dentry;
  return inode instanceof NamespaceInode ? inode.namespace : fail(otherwise);
}

function openNamespace(machine: Machine, process: Process, namespace: Namespace): number {
  const mode = { read: true, write: false, append: false, pathOnly: false };
  const file = new FileDescription(machine.nsfs.pathOf(namespace), mode);
  return process.files.add(file, Number(getLimit(process, NOFILE).soft));
}

/** ns_get_owner: not one that lies outside of the caller's own. */
function visibleOwner(process: Process, namespace: Namespace): UserNamespace {
  const owner = namespace instanceof UserNamespace ? namespace.parent : namespace.owner;
  if (!owner || !process.credentials.user.contains(owner)) fail("EPERM");
  return owner;
}

/** ioctl(NS_GET_USERNS): a descriptor of the user namespace that it belongs to. */
export function openOwner(machine: Machine, process: Process, descriptor: number): number {
  const namespace = namespaceOf(process, descriptor, "ENOTTY");
  return openNamespace(machine, process, visibleOwner(process, namespace));
}

/** ioctl(NS_GET_PARENT): EINVAL for kinds that do not lie in one another. */
export function openParent(machine: Machine, process: Process, descriptor: number): number {
  const namespace = namespaceOf(process, descriptor, "ENOTTY");
  if (namespace instanceof UserNamespace) {
    return openNamespace(machine, process, visibleOwner(process, namespace));
  }
  if (!(namespace instanceof PidNamespace)) fail("EINVAL");
  const { parent } = namespace;
  if (!parent || !process.namespaces.pid.contains(parent)) fail("EPERM");
  return openNamespace(machine, process, parent);
}

/** ioctl(NS_GET_OWNER_UID). */
export function ownerUser(process: Process, descriptor: number): number {
  const namespace = namespaceOf(process, descriptor, "ENOTTY");
  if (!(namespace instanceof UserNamespace)) fail("EINVAL");
  return process.credentials.user.uids.shown(namespace.ownerUid);
}

function requireHostRights(process: Process, name: string): string {
  const { owner } = process.namespaces.uts;
  if (!capable(process.credentials, "CAP_SYS_ADMIN", owner)) fail("EPERM");
  return new TextEncoder().encode(name).length > HOSTNAME_MAX_BYTES ? fail("EINVAL") : name;
}

/** sethostname(2). */
export function setHostname(process: Process, name: string): void {
  process.namespaces.uts.hostname = requireHostRights(process, name);
}

/** setdomainname(2). */
export function setDomainname(process: Process, name: string): void {
  process.namespaces.uts.domainname = requireHostRights(process, name);
}
