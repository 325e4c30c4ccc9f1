// An image that is made here: a config and a manifest over layers that are stored.

import type { Core } from "@nacre/core/core.ts";
import { sha256Digest } from "@nacre/core/digest.ts";
import { type Descriptor, type ImageConfig, MEDIA } from "@nacre/core/oci/image.ts";
import type { ImageRecord } from "@nacre/core/state/records.ts";
import type { Document } from "../images/documents.ts";
import type { ImageRecorder } from "../images/image-recorder.ts";

export interface NewImage {
  /** Whole: with its diff IDs, in the order of the layers. */
  readonly config: ImageConfig;
  /** Bottom first. */
  readonly layers: readonly Descriptor[];
  /** Normalised, with a tag; absent for an image without a name. */
  readonly reference?: string;
  /** As an event says it: `commit`, `import`. */
  readonly action: string;
  /** Of the manifest. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** OCI's name for what docker's manifests call a layer: an OCI manifest has no others. */
const OCI_TYPES: Readonly<Record<string, string>> = { [MEDIA.dockerLayer]: MEDIA.ociLayerGzip };

const encoder = new TextEncoder();

export class ImageMaker {
  readonly #arena: () => Core;
  readonly #recorder: ImageRecorder;

  /** `arena`: for digests of documents, one for each image or one for all of a job. */
  constructor(arena: () => Core, recorder: ImageRecorder) {
    this.#arena = arena;
    this.#recorder = recorder;
  }

  /** Stores and names it, ready to run; the layers are here. */
  async make({ config, reference, action, ...wanted }: NewImage): Promise<ImageRecord> {
    const core = this.#arena();
    const configDocument = documentOf(core, MEDIA.ociConfig, config);
    const { manifest, layers } = this.manifest(
      configDocument,
      wanted.layers,
      wanted.annotations,
      core,
    );
    const known = await this.#recorder.known(configDocument.digest, layers);
    // The same config may have had other annotations.
    const isSame = wanted.annotations === undefined || known?.manifestDigest === manifest.digest;
    if (known && isSame) {
      this.#recorder.again(known, reference, action);
      return known;
    }
    const { digest } = manifest;
    const references = reference === undefined ? [] : [{ reference, digest }];
    const bare = layers.some(({ mediaType }) => mediaType === MEDIA.ociLayer);
    const parts = { config, configDocument, manifest, layers, references, action, bare };
    return this.#recorder.record(parts);
  }

  /** A manifest over a config and layers, and these as it names them. */
  manifest(
    config: Document,
    wanted: readonly Descriptor[],
    annotations: Readonly<Record<string, string>> = {},
    core = this.#arena(),
  ): { readonly manifest: Document; readonly layers: readonly Descriptor[] } {
    const layers = wanted.map(({ mediaType, digest, size }) => {
      return { mediaType: OCI_TYPES[mediaType] ?? mediaType, digest, size };
    });
    const manifest = documentOf(core, MEDIA.ociManifest, {
      schemaVersion: 2,
      mediaType: MEDIA.ociManifest,
      config: { mediaType: MEDIA.ociConfig, digest: config.digest, size: config.bytes.length },
      layers,
      ...(Object.keys(annotations).length > 0 && { annotations }),
    });
    return { manifest, layers };
  }
}

function documentOf(core: Core, mediaType: string, content: object): Document {
  const bytes = encoder.encode(JSON.stringify(content));
  return { digest: sha256Digest(core, bytes), mediaType, bytes };
}
