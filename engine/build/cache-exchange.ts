// Cached steps that go to others and come from them: a directory of records and tars, or, inline,
// records in an image's config whose layers are those of the image.

import { MANIFEST_LIMIT_BYTES } from "@nacre/core/oci/image.ts";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";
import type { FileReader, Files } from "@nacre/core/ports/files.ts";
import type { ImageRecord } from "@nacre/core/state/records.ts";
import type { CachePlace } from "../build-interface.ts";
import { contents } from "../images/layer-source.ts";

/** A step as others are told of it. */
export interface SharedStep {
  readonly key: string;
  readonly description: string;
  readonly diffId: string;
  readonly createdMs: number;
}

/** One that others have done; `open` gives its tar, where that is not an image's layer. */
export interface ImportedStep extends SharedStep {
  readonly open?: () => Promise<FileReader>;
}

/** In an image's config. */
export const INLINE_CACHE = "nacre.build.cache.v1";
const INDEX = "index.json";

export class CacheExchange {
  readonly #files: Files;
  readonly #content: ContentStore;

  constructor(files: Files, content: ContentStore) {
    this.#files = files;
    this.#content = content;
  }

  /** What a place has; nothing where there is none. `image` fetches one. */
  async from(
    place: CachePlace,
    image: (reference: string) => Promise<ImageRecord>,
  ): Promise<ImportedStep[]> {
    if (place.type === "inline") return [];
    if (place.type === "registry") return this.#inline(await image(place.reference));
    const { directory } = place;
    if (!this.#files.status(`${directory}/${INDEX}`)) return [];
    const steps = stepsOf(this.#files.readText(`${directory}/${INDEX}`));
    return steps.map((step) => {
      return { ...step, open: () => this.#files.open(`${directory}/${tarName(step.diffId)}`) };
    });
  }

  /** Writes steps and their layers; a layer that is there already is not written again. */
  async to(
    directory: string,
    steps: readonly SharedStep[],
    tarPath: (diffId: string) => string,
  ): Promise<void> {
    this.#files.makeDirectory(directory, 0o755);
    for (const { diffId } of steps) {
      const path = `${directory}/${tarName(diffId)}`;
      if (this.#files.status(path)) continue;
      const writer = await this.#files.create(path);
      try {
        for await (const part of contents(await this.#files.open(tarPath(diffId)))) {
          await writer.write(part);
        }
        await writer.commit();
      } finally {
        await writer.discard();
      }
    }
    this.#files.replace(`${directory}/${INDEX}`, JSON.stringify(steps));
  }

  async #inline({ id, config }: ImageRecord): Promise<ImportedStep[]> {
    const bytes = await this.#content.read(id, MANIFEST_LIMIT_BYTES);
    const field = JSON.parse(new TextDecoder().decode(bytes))[INLINE_CACHE] as unknown;
    const known = new Set(config.rootfs.diff_ids);
    return stepsOf(JSON.stringify(field ?? [])).filter(({ diffId }) => known.has(diffId));
  }
}

/** Each name is a digest's hex: nothing that was written by others becomes another path. */
const tarName = (diffId: string): string => `${diffId.slice("sha256:".length)}.tar`;

/** What is no step is left out: a cache that somebody has spoiled is no reason to fail. */
function stepsOf(json: string): SharedStep[] {
  const isDigest = (text: unknown): text is string =>
    typeof text === "string" && /^sha256:[0-9a-f]{64}$/.test(text);
  try {
    const all = JSON.parse(json) as readonly Partial<SharedStep>[];
    return all.flatMap(({ key, diffId, createdMs, description }) => {
      if (!isDigest(key) || !isDigest(diffId) || typeof createdMs !== "number") return [];
      return [{ key, diffId, createdMs, description: String(description) }];
    });
  } catch {
    return [];
  }
}
