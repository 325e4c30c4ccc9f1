// Builds of the engine for tests of the command line: they tell what they are told to.

import type {
  BuildCacheEntry,
  BuildEvent,
  BuildOptions,
  Builds,
  BuiltImage,
  CachePruneOptions,
  DockerfileSurvey,
} from "@nacre/engine/engine.ts";
import { imageRecord } from "./fake-records.ts";

export class FakeBuilds implements Builds {
  /** What a build tells while it runs, and what it comes to. */
  events: BuildEvent[] = [];
  fault: Error | undefined;
  entries: BuildCacheEntry[] = [];
  readonly #called: (name: string, ...given: unknown[]) => void;

  constructor(called: (name: string, ...given: unknown[]) => void) {
    this.#called = called;
  }

  async build({ onEvent, onFailure, signal, ...options }: BuildOptions): Promise<BuiltImage> {
    this.#called("build", options);
    for (const event of this.events) onEvent?.(event);
    if (this.fault) throw this.fault;
    const { id, manifestDigest } = imageRecord();
    async function* files() {
      yield Buffer.from("files of it");
    }
    async function* entries() {}
    const discard = async () => this.#called("discard");
    return { id, manifestDigest, references: options.tags ?? [], files, entries, discard };
  }

  /** What a Dockerfile is said to say. */
  surveyed: DockerfileSurvey = {
    ...{ source: { name: "Dockerfile", text: "FROM a\nCMD x\n" }, isRefused: false },
    ...{ findings: [], stages: [], args: [], secrets: [] },
  };

  async survey(): Promise<DockerfileSurvey> {
    return this.surveyed;
  }

  async cache(): Promise<BuildCacheEntry[]> {
    return this.entries;
  }

  async pruneCache(options?: CachePruneOptions) {
    this.#called("pruneCache", options);
    return { removed: this.entries.map(({ key }) => key), reclaimedBytes: 2048 };
  }
}
