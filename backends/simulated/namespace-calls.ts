// clone, unshare and setns: how a process comes into other namespaces.

import type { NamespaceKind } from "@nacre/core/program/operation.ts";
import { capable } from "./credentials.ts";
import { fail } from "./errno.ts";
import type { Machine } from "./machine.ts";
import { followMounts, type Mount, MountTree, type Path } from "./mount.ts";
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
import type { Process } from "./process.ts";
import { copyTree } from "./propagation.ts";

/** A copy of a mount namespace; `moved` tells where a place of the old one is in the new one. */
function copyMounts(
  machine: Machine,
  tree: MountTree,
): { namespace: MountNamespace; moved: (path: Path) => Path } {
  const copies = new Map<Mount, Mount>();
  const base = copyTree(
    tree.base,
    tree.base.root,
    machine,
    () => true,
    (original, copy) => copies.set(original, copy),
  );
  const namespace = new MountNamespace(machine.newNamespaceInode(), new MountTree(base));
  const moved = (path: Path): Path => ({
    mount: copies.get(path.mount) ?? path.mount,
    dentry: path.dentry,
  });
  return { namespace, moved };
}

/** A new namespace of a kind, as a process leaves its own for it. */
function fresh(machine: Machine, process: Process, kind: NamespaceKind): Namespace {
  const inode = machine.newNamespaceInode();
  const { uts, pid } = process.namespaces;
  switch (kind) {
    case "uts":
      return new UtsNamespace(inode, uts.hostname, uts.domainname);
    case "ipc":
      return new IpcNamespace(inode);
    case "net":
      return new NetworkNamespace(inode);
    case "cgroup":
      return new CgroupNamespace(inode, process.cssSet.nodes);
    case "pid":
      return new PidNamespace(inode, process.pidForChildren ?? pid);
    default:
      return new Namespace(kind, inode);
  }
}

/**
 * The namespaces of a child, with its root and working directory in them. Those of `create` are
 * new. EPERM without CAP_SYS_ADMIN.
 */
export function namespacesOfChild(
  machine: Machine,
  process: Process,
  create: readonly NamespaceKind[],
): { namespaces: NamespaceSet; root: Path; cwd: Path } {
  if (create.length > 0 && !capable(process.credentials, "CAP_SYS_ADMIN")) fail("EPERM");
  const namespaces: NamespaceSet = { ...process.namespaces, pid: process.pidForChildren };
  let { root, cwd } = process;
  for (const kind of create) {
    if (kind === "mnt") {
      const { namespace, moved } = copyMounts(machine, process.namespaces.mnt.tree);
      namespaces.mnt = namespace;
      root = moved(root);
      cwd = moved(cwd);
    } else Object.assign(namespaces, { [kind]: fresh(machine, process, kind) });
  }
  return { namespaces, root, cwd };
}

/** unshare(2). A new pid namespace is for later children. */
export function unshare(machine: Machine, process: Process, kinds: readonly NamespaceKind[]): void {
  const { namespaces, root, cwd } = namespacesOfChild(machine, process, kinds);
  if (kinds.includes("pid")) process.pidForChildren = namespaces.pid;
  process.namespaces = { ...namespaces, pid: process.namespaces.pid };
  process.root = root;
  process.cwd = cwd;
}

/** setns(2). EINVAL for a namespace of another kind. */
export function join(process: Process, namespace: Namespace, kind: NamespaceKind): void {
  if (namespace.kind !== kind) fail("EINVAL");
  if (!capable(process.credentials, "CAP_SYS_ADMIN")) fail("EPERM");
  if (namespace instanceof PidNamespace) {
    // Only into what lies within its own.
    if (!process.namespaces.pid.contains(namespace)) fail("EINVAL");
    process.pidForChildren = namespace;
    return;
  }
  process.namespaces = { ...process.namespaces, [kind]: namespace };
  if (namespace instanceof MountNamespace) {
    const top = followMounts(namespace.tree.base.path);
    process.root = top;
    process.cwd = top;
  }
}
