// What executes a container's process: the kernel, for machine code, or a Runtime, which the
// request names or the image's platform asks for.

import type { SpecProcess } from "@nacre/core/oci/runtime-spec.ts";
import type { Extensions } from "@nacre/core/ports/extensions.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import {
  type RuntimePlan,
  type RuntimeProcess,
  runtimeDirectory,
} from "@nacre/core/ports/runtime.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { ContainerRequest } from "@nacre/core/program/request.ts";
import type { ImageRecord } from "@nacre/core/state/records.ts";
import { Named } from "../extensions.ts";

/** The kernel's own execve(2). */
export const NATIVE = "native";

/** In memory the kernel knows a runtime by the file that stands for it; see Runtime. */
export const interpreterPath = (name: string): string => `${runtimeDirectory(name)}/run`;

export class Runtimes {
  readonly #kernel: Pick<Kernel, "facts">;
  readonly #extensions: Extensions | undefined;
  readonly #named: Named<"Runtime">;

  constructor(kernel: Pick<Kernel, "facts">, extensions: Extensions | undefined) {
    this.#kernel = kernel;
    this.#extensions = extensions;
    this.#named = new Named("Runtime", "runtime", [], extensions);
  }

  /** Asks nobody for images of Linux. An image that no runtime is for is the kernel's to refuse. */
  nameFor(request: ContainerRequest, image: ImageRecord | undefined): string {
    if (request.runtime !== undefined) return request.runtime;
    if (image === undefined || image.config.os === "linux") return NATIVE;
    const { os, architecture } = image.config;
    return this.#extensions?.runtimeFor(`${os}/${architecture}`) ?? NATIVE;
  }

  /** What to choose from an index for a request: its own platform, or that of the runtime it names. */
  platformFor({ platform, runtime }: ContainerRequest): string | undefined {
    if (platform !== undefined || runtime === undefined || runtime === NATIVE) return platform;
    return this.#extensions?.platformsOf(runtime)[0];
  }

  async load(request: ContainerRequest, image: ImageRecord | undefined): Promise<void> {
    const name = this.nameFor(request, image);
    if (name !== NATIVE) await this.#named.load(name);
  }

  /** The process as it is executed, and what must be in the root for that. */
  apply(
    request: ContainerRequest,
    image: ImageRecord | undefined,
    process: SpecProcess,
  ): { readonly process: SpecProcess; readonly child: readonly Operation[] } {
    const name = this.nameFor(request, image);
    if (name === NATIVE) return { process, child: [] };
    const plan = this.#plan(name, {
      arguments: process.args,
      environment: process.env,
      workingDirectory: process.cwd,
    });
    const executed = { ...process, args: plan.arguments, env: plan.environment };
    return { process: executed, child: plan.child };
  }

  #plan(name: string, process: RuntimeProcess): RuntimePlan {
    if (this.#kernel.facts().machineCode !== false) {
      return this.#named.get(name).plan(process, runtimeDirectory(name));
    }
    const path = interpreterPath(name);
    const file: Operation = {
      op: "placeText",
      path,
      data: `The runtime ${name}, which this kernel knows by this name.\n`,
      mode: 0o755,
      uid: 0,
      gid: 0,
      why: `stands for the runtime ${name}`,
    };
    return { ...process, child: [file], arguments: [path, ...process.arguments] };
  }
}
