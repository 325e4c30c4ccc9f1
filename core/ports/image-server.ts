import type { ImageRepositories } from "./image-repositories.ts";
import { token } from "./token.ts";

export interface ServeImagesOptions {
  readonly host: string;
  /** A free one, if 0. */
  readonly port: number;
  /** Certificate and key, in PEM. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Lines of an htpasswd file, passwords by bcrypt. Absent: nobody is asked who they are. */
  readonly htpasswd?: string;
  /** Whether nothing is taken and nothing removed. */
  readonly readOnly?: boolean;
  /** Told of each answer. */
  readonly answered?: (answer: ServedAnswer) => void;
}

export interface ServedAnswer {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly status: number;
  readonly user?: string;
}

export interface ServedImages {
  /** `127.0.0.1:5000`. */
  readonly address: string;
  readonly url: string;
  /** Ends what is going on, and listens no more. */
  close(): Promise<void>;
}

/**
 * Gives images to others, and takes theirs, by a protocol: `nacre registry serve`.
 *
 * Lifecycle: `serve` listens when it resolves, until `close`. It asks `images` for each request,
 * and keeps nothing of its own, so that several may serve the same ones. Errors: NacreError
 * `invalid` for a certificate or an htpasswd file that cannot be used, `in-use` for a port that
 * somebody has, `denied` for one that is not for us.
 */
export interface ImageServer {
  readonly name: string;
  serve(images: ImageRepositories, options: ServeImagesOptions): Promise<ServedImages>;
}

export const ImageServer = token<ImageServer>("ImageServer");
