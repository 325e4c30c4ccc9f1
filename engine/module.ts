// The engine's bindings: what it brings to the extension ports, and itself over all of them. Ports
// are bound, since others may bind more of them; the engine's own classes are put together in
// assemble.ts by calling their constructors.

import { Clock } from "@nacre/core/ports/clock.ts";
import { Codec } from "@nacre/core/ports/codec.ts";
import { ContentStore } from "@nacre/core/ports/content-store.ts";
import { CredentialStore } from "@nacre/core/ports/credential-store.ts";
import { Extensions } from "@nacre/core/ports/extensions.ts";
import { Fetch } from "@nacre/core/ports/fetch.ts";
import { Files } from "@nacre/core/ports/files.ts";
import { Kernel } from "@nacre/core/ports/kernel.ts";
import { LogDriver } from "@nacre/core/ports/log-driver.ts";
import { NetworkDriver } from "@nacre/core/ports/network-driver.ts";
import { Random } from "@nacre/core/ports/random.ts";
import { Snapshotter } from "@nacre/core/ports/snapshotter.ts";
import { StateStore } from "@nacre/core/ports/state-store.ts";
import { token } from "@nacre/core/ports/token.ts";
import { VolumeDriver } from "@nacre/core/ports/volume-driver.ts";
import { whenUsed } from "@nacre/core/when-used.ts";
import { ContainerModule, type ContainerModuleLoadOptions } from "inversify";
import { assemble } from "./assemble.ts";
import { FileContentStore } from "./content/content-store.ts";
import type { Engine } from "./engine.ts";
import { StatePaths } from "./images/paths.ts";
import { JsonFileLog } from "./logs/json-file.ts";
import { HostNetwork } from "./networks/host.ts";
import { NoneNetwork } from "./networks/none.ts";
import type { EngineOptions } from "./options.ts";
import { DirectorySnapshotter } from "./snapshotters/directory.ts";
import { ErofsSnapshotter } from "./snapshotters/erofs.ts";
import { LocalVolumes } from "./volumes/local.ts";

export const EngineToken = token<Engine>("Engine");

type Bind = ContainerModuleLoadOptions["bind"];

/** All implementations of a port that is bound more than once. */
const allOf = <T>(port: symbol & T) => ({ serviceIdentifier: port, isMultiple: true }) as const;

function bindExtensions(bind: Bind, options: EngineOptions): void {
  const paths = new StatePaths(options.root);
  bind(ContentStore)
    .toResolvedValue(
      (files: Files, codec: Codec) =>
        whenUsed(() => new FileContentStore(options.core, files, codec, paths)),
      [Files, Codec],
    )
    .inSingletonScope();
  bind(Snapshotter)
    .toResolvedValue(
      (kernel: Kernel, files: Files) =>
        whenUsed(() => new ErofsSnapshotter(options.core, files, kernel, paths), {
          name: "erofs",
        }),
      [Kernel, Files],
    )
    .inSingletonScope();
  bind(Snapshotter)
    .toResolvedValue(
      (kernel: Kernel, files: Files, random: Random) =>
        whenUsed(
          () => new DirectorySnapshotter(options.core, files, kernel, random, paths, options),
          { name: "directory" },
        ),
      [Kernel, Files, Random],
    )
    .inSingletonScope();
  bind(NetworkDriver)
    .toResolvedValue(() => whenUsed(() => new NoneNetwork(), { name: "none" }), [])
    .inSingletonScope();
  bind(NetworkDriver)
    .toResolvedValue(
      (files: Files) => whenUsed(() => new HostNetwork(files), { name: "host" }),
      [Files],
    )
    .inSingletonScope();
  bind(VolumeDriver)
    .toResolvedValue(
      (files: Files) => whenUsed(() => new LocalVolumes(files, paths), { name: "local" }),
      [Files],
    )
    .inSingletonScope();
  bind(LogDriver)
    .toResolvedValue(
      (files: Files) => whenUsed(() => new JsonFileLog(files), { name: "json-file" }),
      [Files],
    )
    .inSingletonScope();
}

/** The engine over the ports that a backend's module binds. */
export function engineModule(options: EngineOptions): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bindExtensions(bind, options);
    bind(EngineToken)
      .toResolvedValue(
        (
          kernel: Kernel,
          files: Files,
          state: StateStore,
          clock: Clock,
          random: Random,
          codec: Codec,
          fetch: Fetch,
          credentials: CredentialStore,
          content: ContentStore,
          snapshotters: Snapshotter[],
          networks: NetworkDriver[],
          volumes: VolumeDriver[],
          log: LogDriver,
          extensions: Extensions | undefined,
        ) =>
          assemble(
            {
              kernel,
              files,
              state,
              clock,
              random,
              codec,
              fetch,
              credentials,
              content,
              snapshotters,
              networks,
              volumes,
              log,
              extensions,
            },
            options,
          ),
        [
          Kernel,
          Files,
          StateStore,
          Clock,
          Random,
          Codec,
          Fetch,
          CredentialStore,
          ContentStore,
          allOf(Snapshotter),
          allOf(NetworkDriver),
          allOf(VolumeDriver),
          LogDriver,
          { serviceIdentifier: Extensions, optional: true },
        ],
      )
      .inSingletonScope();
  });
}
