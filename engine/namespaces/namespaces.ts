// Namespaces as people look at them.

import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { NamespaceKind } from "@nacre/core/program/operation.ts";
import type { Containers, NamespaceReport, Namespaces } from "../engine.ts";
import { type NamespaceIdentity, observe } from "./observe.ts";
import { reportNamespaces } from "./report.ts";

export class NamespaceService implements Namespaces {
  readonly #kernel: Kernel;
  readonly #files: Files;
  readonly #containers: Containers;

  constructor(kernel: Kernel, files: Files, containers: Containers) {
    this.#kernel = kernel;
    this.#files = files;
    this.#containers = containers;
  }

  async list(
    options: { readonly kinds?: readonly NamespaceKind[]; readonly container?: string } = {},
  ): Promise<readonly NamespaceReport[]> {
    const { kinds, container } = options;
    const wanted = container === undefined ? undefined : this.#containers.get(container).id;
    const running = this.#containers.list().flatMap(({ id, name, process }) => {
      return process ? [{ id, name, pid: process.pid }] : [];
    });
    return reportNamespaces(observe(this.#files), this.#own(), running)
      .filter(({ kind }) => kinds === undefined || kinds.length === 0 || kinds.includes(kind))
      .filter((report) => wanted === undefined || report.container?.id === wanted);
  }

  /** The namespaces of the process that looks. */
  #own(): NamespaceIdentity[] {
    const self = Number(this.#files.readLink("/proc/self"));
    return Object.entries(this.#kernel.namespaces(self)).map(([kind, inode]) => ({
      kind: kind as NamespaceKind,
      id: Number(inode),
    }));
  }
}
