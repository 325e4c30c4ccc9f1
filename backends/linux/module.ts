// The Linux backend's bindings: what implements each host port on a real machine.

import { readFileSync } from "node:fs";
import { Clock } from "@nacre/core/ports/clock.ts";
import { Codec } from "@nacre/core/ports/codec.ts";
import { CredentialStore } from "@nacre/core/ports/credential-store.ts";
import { Fetch } from "@nacre/core/ports/fetch.ts";
import { Files } from "@nacre/core/ports/files.ts";
import { Kernel } from "@nacre/core/ports/kernel.ts";
import { Random } from "@nacre/core/ports/random.ts";
import { StateStore } from "@nacre/core/ports/state-store.ts";
import { whenUsed } from "@nacre/core/when-used.ts";
import { ContainerModule } from "inversify";
import { LinuxClock } from "./clock.ts";
import { LinuxCodec } from "./codec.ts";
import { HostCredentials } from "./credentials.ts";
import { LinuxFetch } from "./fetch.ts";
import { LinuxFiles } from "./files.ts";
import { LinuxKernel } from "./kernel.ts";
import { LinuxRandom } from "./random.ts";
import { prepareStateRoot } from "./state-root.ts";
import { SqliteStateStore } from "./state-store.ts";

/** Where docker looks for authorities and client certificates of single registries. */
const CERTIFICATES = "/etc/docker/certs.d";

export interface LinuxOptions {
  /** Directory of all state, absolute; made if it is missing. */
  readonly root: string;
  /** Path of nacre-init. */
  readonly init: string;
  /** Path of addon.node, if there is one. */
  readonly addon?: string;
  /** Proxies, credentials, and NACRE_ASSUME_KERNEL: a release such as 6.8 to behave as. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Whether a missing root is an error, `not-found`. */
  readonly existingRoot?: boolean;
  /** The process ends with the engine; what the kernel takes back then is not given back before. */
  readonly endsWithProcess?: boolean;
}

/** Names this boot of the machine (random(4)). */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/** What a backend that simulates only the kernel keeps real: files, state, network, time. */
export function linuxStorageModule(options: LinuxOptions): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind(Files)
      .toResolvedValue(() => new LinuxFiles(options.addon, options.root), [])
      .inSingletonScope();
    bind(Clock)
      // A simulated kernel has its processes in this one, and they are not to be held.
      .toResolvedValue(() => {
        const blocks = options.endsWithProcess === true && options.init !== "";
        return new LinuxClock({ blocks });
      }, [])
      .inSingletonScope();
    bind(Random)
      .toResolvedValue(() => whenUsed(() => new LinuxRandom()), [])
      .inSingletonScope();
    bind(Codec)
      .toResolvedValue(() => whenUsed(() => new LinuxCodec(options.addon)), [])
      .inSingletonScope();
    bind(Fetch)
      .toResolvedValue(
        () =>
          whenUsed(
            () =>
              new LinuxFetch({
                environment: options.environment,
                certificatesDirectory: CERTIFICATES,
              }),
          ),
        [],
      )
      .inSingletonScope();
    bind(CredentialStore)
      .toResolvedValue(() => whenUsed(() => new HostCredentials(options.environment)), [])
      .inSingletonScope();
    bind(StateStore)
      .toResolvedValue(() => {
        prepareStateRoot(options.root, !options.existingRoot);
        return new SqliteStateStore(`${options.root}/state.db`, {
          closes: options.endsWithProcess !== true,
        });
      }, [])
      .inSingletonScope();
  });
}

/**
 * The Kernel port alone, as the environment changes it: NACRE_ASSUME_KERNEL for an older release,
 * NACRE_ROOTLESS_FAULT for why a user got no namespace.
 */
export function linuxKernelModule(options: LinuxOptions): ContainerModule {
  return new ContainerModule(({ bind }) => {
    const { NACRE_ASSUME_KERNEL: assume, NACRE_ROOTLESS_FAULT: refused } = options.environment;
    const facts = { path: `${options.root}/facts.json`, boot: bootId() };
    bind(Kernel)
      .toResolvedValue(
        () =>
          new LinuxKernel(options.init, {
            facts,
            ...(options.addon && { addon: options.addon }),
            ...(assume && { assume }),
            ...(refused && { refused }),
            endsWithProcess: options.endsWithProcess ?? false,
          }),
        [],
      )
      .inSingletonScope();
  });
}
