// How the root of a container is reached: through its own process where it runs, else through one
// that mounts it for as long as somebody looks.

import { whereFound } from "@nacre/core/error.ts";
import type { HeldRoot, ProcessIdentity } from "@nacre/core/ports/kernel.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import type { ProcessUser } from "@nacre/core/program/user.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import { ownersOnDisk } from "../containers/container-root.ts";
import { mustAllow } from "../containers/state.ts";
import type { ContainerStorage } from "../containers/storage.ts";
import type { ContainerFiles } from "../copy-interface.ts";
import type { StatePaths } from "../images/paths.ts";
import {
  type ContainerFilesPorts,
  hasEnded,
  OpenContainerFiles,
  type OpenedRoot,
} from "./container-files.ts";
import type { CopyClaims } from "./copy-claims.ts";

export interface OpeningParts {
  /** As it is now. */
  readonly find: (id: string) => ContainerRecord;
  readonly claims: CopyClaims;
  readonly storage: ContainerStorage;
  readonly paths: StatePaths;
  /** Takes away mounts of images that nobody holds. */
  readonly sweep: () => Promise<void>;
  /** The program that shows the root of one that does not run (rest-view.ts). */
  readonly view: (container: ContainerRecord) => Promise<KernelProgram>;
  /** Undefined where the container names nobody. */
  readonly user: (container: ContainerRecord) => ProcessUser | undefined;
}

type Opened = Pick<OpenedRoot, "root" | "close" | "users">;

/**
 * Of one that runs by its own root, of one at rest by a view that is made for it; waits while it is
 * about to be in another state.
 * @throws NacreError `conflict` where its state does not allow copies
 */
export async function openFiles(
  id: string,
  ports: ContainerFilesPorts,
  parts: OpeningParts,
): Promise<ContainerFiles> {
  for (;;) {
    const record = parts.find(id);
    const opened = await open(record, ports, parts);
    if (!opened) {
      await parts.claims.pause();
      continue;
    }
    return new OpenContainerFiles(ports, {
      ...opened,
      container: record.name,
      directory: parts.paths.container(id).directory,
      mapped: record.users !== undefined,
      owner: () => parts.user(record),
    });
  }
}

/** Undefined where the container is about to be in another state. */
async function open(
  record: ContainerRecord,
  ports: ContainerFilesPorts,
  parts: OpeningParts,
): Promise<Opened | undefined> {
  const { status, process, id } = record;
  if (status === "starting") return undefined;
  mustAllow("copy", record);
  if (status === "running" || status === "paused")
    return process && ofRunning(process, record, ports);
  if (!parts.claims.take(id, status)) return undefined;
  try {
    return await atRest(record, ports, parts);
  } catch (error) {
    parts.claims.release(id);
    throw error;
  }
}

function ofRunning(
  { pid, startTime }: NonNullable<ContainerRecord["process"]>,
  { users }: ContainerRecord,
  { kernel }: ContainerFilesPorts,
): Opened | undefined {
  const held = hold(kernel, { pid, startTime: BigInt(startTime) });
  if (!held) return undefined;
  return { root: held.path, close: async () => held.release(), ...(users && { users }) };
}

async function atRest(
  record: ContainerRecord,
  { kernel }: ContainerFilesPorts,
  { claims, paths, storage, view, sweep }: OpeningParts,
): Promise<Opened> {
  const { id, name } = record;
  // A creation that was killed may not have made it yet.
  if (record.startedMs === undefined && !storage.has(id)) storage.make(id);
  const streams = { stdin: "pipe", stdout: "ignore", stderr: "ignore" } as const;
  const program = await view(record);
  // Where its supervisor was killed, what it had mounted is still there, and no record leads to it.
  const swept = () => sweep().catch(() => {});
  const running = await kernel.execute(program, streams).catch(async (error: unknown) => {
    await swept();
    throw error;
  });
  // Where it is killed later, what reads and writes there fails; `end` sees to the rest.
  running.exited.catch(() => {});
  const end = async (): Promise<void> => {
    await running.stdin?.close().catch(() => {}); // it has ended by itself
    await running.exited.catch(swept);
    claims.release(id);
  };
  const users = ownersOnDisk(record, kernel);
  const held = hold(kernel, running.process);
  if (!held) {
    await end();
    throw hasEnded(name);
  }
  return {
    root: `${held.path}${paths.rootfs}`,
    ...(users && { users }),
    async close() {
      held.release();
      await end();
    },
  };
}

const hold = (
  kernel: ContainerFilesPorts["kernel"],
  process: ProcessIdentity,
): HeldRoot | undefined => whereFound(() => kernel.holdRoot(process));
