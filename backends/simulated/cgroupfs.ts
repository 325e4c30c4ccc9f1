// The cgroup file systems: a directory a node, mkdir makes one, rmdir removes one, and each
// controller's files in it. All mounts of a hierarchy show the same superblock.

import {
  type CgroupContext,
  CONTROL_FILES,
  type ControlFile,
  unifiedName,
} from "./cgroup-files.ts";
import {
  type CgroupNode,
  type Cgroups,
  CONTROLLERS,
  type Controller,
  type Hierarchy,
  isController,
  pathFrom,
} from "./cgroups.ts";
import type { Dentry } from "./dentry.ts";
import { fail } from "./errno.ts";
import { GeneratedFile, GeneratedInode } from "./generated.ts";
import { type Inode, type NewInode, Superblock } from "./inode.ts";

export class CgroupFileSystem extends Superblock {
  readonly hierarchy: Hierarchy;
  readonly root: CgroupDirectory;
  readonly cgroups: Cgroups;
  readonly context: CgroupContext;

  constructor(minor: number, cgroups: Cgroups, hierarchy: Hierarchy, context: CgroupContext) {
    super(hierarchy.version === 2 ? "cgroup2" : "cgroup", minor, "cgroup", false);
    this.hierarchy = hierarchy;
    this.cgroups = cgroups;
    this.context = context;
    this.root = new CgroupDirectory(this, hierarchy.root, 0o755);
  }

  /** A node as seen from the reader's cgroup namespace: `/..` for each level above its root. */
  override shownPath(root: Dentry): string {
    const top = this.context.rootOf(this.hierarchy);
    const node = root.inode instanceof CgroupDirectory ? root.inode.node : top;
    return pathFrom(top, node);
  }

  /** cgroup1_reconfigure: never another name, and other controllers only while there are no nodes. */
  override reconfigure(options: readonly string[]): void {
    if (this.hierarchy.version === 2) return;
    const { controllers, name } = hierarchyOptions(options);
    if (name !== "" && name !== this.hierarchy.name) fail("EINVAL", "reconfigure");
    this.cgroups.reattach(this.hierarchy, controllers);
  }

  override options(): readonly string[] {
    return this.hierarchy.label === "" ? [] : this.hierarchy.label.split(",");
  }
}

const fits = (file: ControlFile, node: CgroupNode): boolean =>
  file.version === node.hierarchy.version &&
  (file.controller === undefined || node.controllers.includes(file.controller)) &&
  (file.place === undefined || (file.place === "root") === (node.parent === undefined));

export class CgroupDirectory extends GeneratedInode {
  readonly node: CgroupNode;
  readonly #filesystem: CgroupFileSystem;
  readonly #files = new Map<string, GeneratedFile>();
  readonly #children = new Map<CgroupNode, CgroupDirectory>();

  constructor(filesystem: CgroupFileSystem, node: CgroupNode, mode: number) {
    super(filesystem, "directory", mode);
    this.#filesystem = filesystem;
    this.node = node;
  }

  override lookup(name: string): Inode | undefined {
    const child = this.node.children.get(name);
    if (child) return this.#directory(child, 0o755);
    if (this.node.removed) return undefined;
    const known = this.#files.get(name);
    const file = this.#controlFile(name);
    if (!file) return undefined;
    if (known) return known;
    const made = this.#makeFile(file);
    this.#files.set(name, made);
    return made;
  }

  override names(): readonly string[] {
    const files = CONTROL_FILES.filter((file) => fits(file, this.node)).map((file) => file.name);
    const delegation = this.node.hierarchy.version === 2 ? ["cgroup.subtree_control"] : [];
    return [...files, ...delegation, ...this.node.children.keys()];
  }

  #controlFile(name: string): ControlFile | undefined {
    if (name === "cgroup.subtree_control" && this.node.hierarchy.version === 2) {
      return { name, version: 2, read: delegated, write: delegate };
    }
    return CONTROL_FILES.find((file) => file.name === name && fits(file, this.node));
  }

  #makeFile(file: ControlFile): GeneratedFile {
    const { read, write } = file;
    const { node } = this;
    const { context } = this.#filesystem;
    const mode = (read ? 0o444 : 0) | (write ? 0o200 : 0);
    return new GeneratedFile(this.superblock, mode, {
      ...(read && { read: () => read(node, context) }),
      write: (text) => {
        if (text === "") return; // nobody is asked about nothing
        if (node.removed) fail("ENODEV");
        if (!write) fail("EINVAL");
        write(node, text, context);
      },
    });
  }

  #directory(node: CgroupNode, mode: number): CgroupDirectory {
    const known = this.#children.get(node);
    if (known) return known;
    const made = new CgroupDirectory(this.#filesystem, node, mode);
    this.#children.set(node, made);
    return made;
  }

  override makeDirectory(name: string, attributes: NewInode): Inode {
    const node = this.#filesystem.cgroups.makeNode(this.node, name);
    const made = this.#directory(node, attributes.mode);
    made.uid = attributes.uid;
    made.gid = attributes.gid;
    this.links++;
    return made;
  }

  override removeDirectory(name: string): void {
    const node = this.node.children.get(name) ?? fail("ENOENT");
    this.#filesystem.cgroups.removeNode(node);
    this.#children.delete(node);
    this.links--;
  }

  /** The directory of a node at or below this one. */
  of(node: CgroupNode): CgroupDirectory {
    if (node === this.node) return this;
    return this.of(node.parent as CgroupNode).#directory(node, 0o755);
  }
}

const delegated = (node: CgroupNode): string =>
  `${[...node.delegated].map(unifiedName).join(" ")}\n`;

/** cgroup.subtree_control: `+memory -cpu`, all or nothing. */
function delegate(node: CgroupNode, text: string): void {
  const next = new Set(node.delegated);
  for (const word of text.trim().split(/\s+/).filter(Boolean)) {
    const name = word.slice(1) === "io" ? "blkio" : word.slice(1);
    if (!/^[+-]/.test(word) || !isController(name)) fail("EINVAL");
    if (word.startsWith("-")) {
      if ([...node.children.values()].some((child) => child.delegated.has(name))) fail("EBUSY");
      next.delete(name);
    } else if (node.controllers.includes(name)) next.add(name);
    else fail("ENOENT");
  }
  // Only the root may have processes and hand controllers down.
  if (node.parent && next.size > 0 && node.processes.length > 0) fail("EBUSY");
  node.delegated.clear();
  for (const controller of CONTROLLERS) if (next.has(controller)) node.delegated.add(controller);
}

/** The controllers and the name of `mount -t cgroup -o …`. */
export function hierarchyOptions(options: readonly string[]): {
  controllers: readonly Controller[];
  name: string;
} {
  const controllers = new Set<Controller>();
  let name = "";
  for (const option of options) {
    if (option.startsWith("name=")) name = option.slice("name=".length);
    else if (isController(option)) controllers.add(option);
    else if (option === "all") for (const c of CONTROLLERS) controllers.add(c);
    else if (!/^(none|noprefix|clone_children|xattr|cpuset_v2_mode)$/.test(option)) {
      fail("EINVAL", `fsconfig ${option}`);
    }
  }
  return { controllers: CONTROLLERS.filter((c) => controllers.has(c)), name };
}
