// Files and directories by absolute path, as much of a file system as the engine's own state needs.

import { FileContent } from "./file-content.ts";
import { fileFault } from "./file-fault.ts";

export interface FileNode {
  readonly kind: "file";
  readonly inode: bigint;
  readonly content: FileContent;
  modifiedMs: number;
}

export interface DirectoryNode {
  readonly kind: "directory";
  readonly inode: bigint;
  readonly mode: number;
  readonly children: Map<string, TreeNode>;
  modifiedMs: number;
}

export type TreeNode = FileNode | DirectoryNode;

/** The directory that a path's last component is in, and that component. */
interface Place {
  readonly parent: DirectoryNode;
  readonly name: string;
}

export class FileTree {
  readonly #nowMs: () => number;
  #inodes = 1n;
  readonly root: DirectoryNode;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.root = this.#directory(0o755);
  }

  find(path: string): TreeNode | undefined {
    let node: TreeNode | undefined = this.root;
    for (const name of components(path)) {
      if (node?.kind !== "directory") return undefined;
      node = node.children.get(name);
    }
    return node;
  }

  /** The file at `path`, which must be one. */
  file(path: string, action: string): FileNode {
    const node = this.find(path);
    if (node === undefined) throw fileFault("ENOENT", action, path);
    if (node.kind !== "file") throw fileFault("EISDIR", action, path);
    return node;
  }

  makeDirectory(path: string, mode: number): void {
    const names = components(path);
    let node: TreeNode = this.root;
    names.forEach((name, i) => {
      if (node.kind !== "directory") throw fileFault("ENOTDIR", "make directory", path);
      let child = node.children.get(name);
      if (!child) {
        child = this.#directory(i === names.length - 1 ? mode : 0o700);
        this.#put(node, name, child);
      }
      node = child;
    });
    if (node.kind !== "directory") throw fileFault("EEXIST", "make directory", path);
  }

  /** A new empty file, in place of one that is there. */
  createFile(path: string, action: string): FileNode {
    const { parent, name } = this.#place(path, action);
    if (parent.children.get(name)?.kind === "directory") throw fileFault("EISDIR", action, path);
    const node: FileNode = {
      kind: "file",
      inode: this.#inodes++,
      content: new FileContent(),
      modifiedMs: this.#nowMs(),
    };
    this.#put(parent, name, node);
    return node;
  }

  rename(from: string, to: string, action: string): void {
    const source = this.#place(from, action);
    const moved = source.parent.children.get(source.name);
    if (!moved) throw fileFault("ENOENT", action, from);
    const target = this.#place(to, action);
    const replaced = target.parent.children.get(target.name);
    if (replaced === moved) return;
    if (replaced?.kind === "directory") {
      if (moved.kind !== "directory") throw fileFault("EISDIR", action, from);
      if (replaced.children.size > 0) throw fileFault("ENOTEMPTY", action, from);
    } else if (replaced && moved.kind === "directory") throw fileFault("ENOTDIR", action, from);
    source.parent.children.delete(source.name);
    source.parent.modifiedMs = this.#nowMs();
    this.#put(target.parent, target.name, moved);
  }

  remove(path: string): void {
    const { parent, name } = this.#place(path, "remove");
    const node = parent.children.get(name);
    if (!node) throw fileFault("ENOENT", "remove", path);
    if (node.kind === "directory" && node.children.size > 0) {
      throw fileFault("ENOTEMPTY", "remove", path);
    }
    this.unlink(path);
  }

  /** Takes whatever is at `path` away, with all below it. */
  unlink(path: string): void {
    const { parent, name } = this.#place(path, "remove");
    if (parent.children.delete(name)) parent.modifiedMs = this.#nowMs();
  }

  #place(path: string, action: string): Place {
    const names = components(path);
    const name = names.pop();
    if (name === undefined) throw fileFault("EBUSY", action, path);
    const parent = this.find(`/${names.join("/")}`);
    if (!parent) throw fileFault("ENOENT", action, path);
    if (parent.kind !== "directory") throw fileFault("ENOTDIR", action, path);
    return { parent, name };
  }

  #put(parent: DirectoryNode, name: string, node: TreeNode): void {
    parent.children.set(name, node);
    parent.modifiedMs = this.#nowMs();
  }

  #directory(mode: number): DirectoryNode {
    return {
      kind: "directory",
      inode: this.#inodes++,
      mode,
      children: new Map(),
      modifiedMs: this.#nowMs(),
    };
  }
}

/** No links exist here, so `..` can be taken away by text alone. */
export function components(path: string): string[] {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return names;
}
