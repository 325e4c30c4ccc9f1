// The OCI distribution specification 1.1, server's side, as a function from request to answer: it
// knows no socket, so that a server, a test and a simulated network can have it alike.
//
//   GET                /v2/                                     who speaks the protocol
//   GET                /v2/_catalog?n=&last=                    repositories (Docker's, not OCI's)
//   GET HEAD PUT DELETE /v2/NAME/manifests/TAG-or-DIGEST
//   GET HEAD DELETE    /v2/NAME/blobs/DIGEST                    with Range
//   POST               /v2/NAME/blobs/uploads/?mount=&from=|?digest=
//   GET PATCH PUT DELETE /v2/NAME/blobs/uploads/ID
//   GET                /v2/NAME/tags/list?n=&last=
//   GET                /v2/NAME/referrers/DIGEST?artifactType=

import { NacreError } from "@nacre/core/error.ts";
import { MEDIA } from "@nacre/core/oci/image.ts";
import type { ImageRepositories, RepositoryUpload } from "@nacre/core/ports/image-repositories.ts";
import { joined } from "./chunks.ts";

export interface ProtocolRequest {
  readonly method: string;
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: AsyncIterable<Uint8Array>;
}

export interface ProtocolAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
}

/** What the spec asks registries to take at least. */
const MANIFEST_LIMIT_BYTES = 4 << 20;
const COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const NAME = new RegExp(`^${COMPONENT}(?:[.:]\\d+)?(?:/${COMPONENT})*$`);
const NAME_LIMIT = 255;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;
const PLACE =
  /^\/v2\/(.+?)\/(?:(manifests|referrers)\/([^/]+)|(tags)\/list|(blobs)\/uploads\/([^/]*)|(blobs)\/([^/]+))$/;
const PAGE_LIMIT = 1000;

/** Of a body that did not come to its end: nobody is there to be told. */
const LOST: readonly string[] = ["unreachable", "interrupted"];

/** A request that is refused: the spec's code, and what is wrong. */
class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    message: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** An answer as distribution-spec, "Error Codes", has it. */
export function refusal(
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): ProtocolAnswer {
  return json(status, { errors: [{ code, message }] }, headers);
}

export class RegistryProtocol {
  readonly #images: ImageRepositories;

  constructor(images: ImageRepositories) {
    this.#images = images;
  }

  /** Never throws but for what is nobody's fault here: a connection that broke. */
  async answer(request: ProtocolRequest): Promise<ProtocolAnswer> {
    try {
      return await this.#answer(request);
    } catch (error) {
      if (error instanceof Refusal) {
        return refusal(error.status, error.code, error.message, error.headers);
      }
      const broke = error instanceof NacreError && LOST.includes(error.kind);
      if (error instanceof NacreError && !broke) return refused(error);
      throw error;
    }
  }

  async #answer(request: ProtocolRequest): Promise<ProtocolAnswer> {
    const { url, method } = request;
    const { pathname } = url;
    if (pathname === "/v2/" || pathname === "/v2") return json(200, {});
    if (pathname === "/v2/_catalog") {
      const { page, next } = paged(await this.#images.repositories(), url);
      return json(200, { repositories: page }, next);
    }
    const [, name = "", document, reference = "", tags, uploads, id = "", , digest = ""] =
      PLACE.exec(pathname) ?? [];
    if (!NAME.test(name) || name.length > NAME_LIMIT) {
      throw new Refusal(404, "NAME_INVALID", "no such place, or no name of a repository");
    }
    if (tags !== undefined) return this.#tags(url, name);
    if (document === "referrers") return this.#referrers(url, name, checkDigest(reference));
    if (document === "manifests") return this.#manifest(request, name, checkReference(reference));
    if (uploads === undefined) return this.#blob(request, checkDigest(digest));
    if (id !== "") return this.#upload(request, name, id);
    if (method !== "POST") throw unsupported(method);
    return this.#beginUpload(request, name);
  }

  // -- what is here -----------------------------------------------------------------------------

  async #tags(url: URL, name: string): Promise<ProtocolAnswer> {
    const tags = await this.#images.tags(name);
    if (!tags) throw new Refusal(404, "NAME_UNKNOWN", `there is no repository ${name}`);
    const { page, next } = paged(tags, url);
    return json(200, { name, tags: page }, next);
  }

  async #referrers(url: URL, name: string, digest: string): Promise<ProtocolAnswer> {
    const wanted = url.searchParams.get("artifactType");
    const all = await this.#images.referrers(name, digest);
    const manifests = all.filter(
      ({ artifactType }) => wanted === null || wanted === "" || artifactType === wanted,
    );
    const index = { schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests };
    const filtered = wanted ? { "oci-filters-applied": "artifactType" } : {};
    return json(200, index, { ...filtered, "content-type": MEDIA.ociIndex });
  }

  async #manifest(
    { method, headers, body }: ProtocolRequest,
    name: string,
    reference: string,
  ): Promise<ProtocolAnswer> {
    if (method === "PUT") return this.#putManifest(name, reference, headers["content-type"], body);
    if (method === "DELETE") {
      if (await this.#images.removeManifest(name, reference)) return { status: 202, headers: {} };
      throw unknownManifest(name, reference);
    }
    if (method !== "GET" && method !== "HEAD") throw unsupported(method);
    const found = await this.#images.manifest(name, reference);
    if (!found) throw unknownManifest(name, reference);
    return {
      status: 200,
      headers: {
        "content-type": found.mediaType,
        "content-length": String(found.bytes.length),
        "docker-content-digest": found.digest,
      },
      body: found.bytes,
    };
  }

  async #putManifest(
    name: string,
    reference: string,
    mediaType: string | undefined,
    body: AsyncIterable<Uint8Array>,
  ): Promise<ProtocolAnswer> {
    const bytes = await whole(body, MANIFEST_LIMIT_BYTES);
    const type = (mediaType ?? "").split(";")[0]!.trim();
    const { digest, subject } = await this.#images.putManifest(name, reference, type, bytes);
    return {
      status: 201,
      headers: {
        location: `/v2/${name}/manifests/${digest}`,
        "docker-content-digest": digest,
        "content-length": "0",
        ...(subject !== undefined && { "oci-subject": subject }),
      },
    };
  }

  async #blob({ method, headers }: ProtocolRequest, digest: string): Promise<ProtocolAnswer> {
    if (method === "DELETE") {
      await this.#images.removeBlob(digest);
      return { status: 202, headers: {} };
    }
    if (method !== "GET" && method !== "HEAD") throw unsupported(method);
    const blob = await this.#images.blob(digest);
    if (!blob) throw new Refusal(404, "BLOB_UNKNOWN", `there is no blob ${digest}`);
    const { sizeBytes } = blob;
    const range = rangeOf(headers.range, sizeBytes);
    const { start, end } = range ?? { start: 0, end: sizeBytes };
    return {
      status: range ? 206 : 200,
      headers: {
        "content-type": "application/octet-stream",
        "content-length": String(end - start),
        "docker-content-digest": digest,
        "accept-ranges": "bytes",
        ...(range && { "content-range": `bytes ${start}-${end - 1}/${sizeBytes}` }),
      },
      ...(method === "GET" && end > start && { body: blob.read(start, end - start) }),
    };
  }

  // -- what comes -------------------------------------------------------------------------------

  async #beginUpload(request: ProtocolRequest, name: string): Promise<ProtocolAnswer> {
    const { searchParams } = request.url;
    const mount = searchParams.get("mount");
    // What one repository has, all have: whoever wants it from another has it.
    if (mount !== null && DIGEST.test(mount) && (await this.#images.blob(mount))) {
      return created(name, mount);
    }
    const upload = await this.#images.beginUpload();
    const digest = searchParams.get("digest");
    if (digest === null) return this.#continues(name, upload, 202);
    await upload.append(request.body);
    return this.#finish(name, upload, digest);
  }

  async #upload(request: ProtocolRequest, name: string, id: string): Promise<ProtocolAnswer> {
    const { method, headers, url, body } = request;
    const upload = await this.#images.upload(id);
    if (!upload) throw new Refusal(404, "BLOB_UPLOAD_UNKNOWN", "there is no such upload");
    if (method === "GET" || method === "HEAD") return this.#continues(name, upload, 204);
    if (method === "DELETE") {
      await upload.discard();
      return { status: 204, headers: {} };
    }
    if (method !== "PATCH" && method !== "PUT") throw unsupported(method);
    const [, first] = /^(?:bytes )?(\d+)-\d+$/.exec(headers["content-range"] ?? "") ?? [];
    if (first !== undefined && Number(first) !== upload.sizeBytes) {
      const { headers: more } = this.#continues(name, upload, 416);
      const reason = `the next byte is ${upload.sizeBytes}`;
      throw new Refusal(416, "BLOB_UPLOAD_INVALID", reason, more);
    }
    await upload.append(body);
    if (method === "PATCH") return this.#continues(name, upload, 202);
    return this.#finish(name, upload, url.searchParams.get("digest") ?? "");
  }

  async #finish(name: string, upload: RepositoryUpload, digest: string): Promise<ProtocolAnswer> {
    checkDigest(digest);
    await upload.finish(digest);
    return created(name, digest);
  }

  #continues(name: string, upload: RepositoryUpload, status: number): ProtocolAnswer {
    return {
      status,
      headers: {
        location: `/v2/${name}/blobs/uploads/${upload.id}`,
        range: `0-${Math.max(upload.sizeBytes - 1, 0)}`,
        "docker-upload-uuid": upload.id,
        ...(status === 202 && { "content-length": "0" }),
      },
    };
  }
}

function created(name: string, digest: string): ProtocolAnswer {
  return {
    status: 201,
    headers: {
      location: `/v2/${name}/blobs/${digest}`,
      "docker-content-digest": digest,
      "content-length": "0",
    },
  };
}

function json(
  status: number,
  value: object,
  headers: Readonly<Record<string, string>> = {},
): ProtocolAnswer {
  const body = new TextEncoder().encode(JSON.stringify(value));
  const length = { "content-length": String(body.length) };
  return { status, headers: { "content-type": "application/json", ...length, ...headers }, body };
}

/** Names after `last`, at most `n`; with the address of the next page. */
function paged(
  names: readonly string[],
  { pathname, searchParams }: URL,
): { readonly page: readonly string[]; readonly next: Readonly<Record<string, string>> } {
  const last = searchParams.get("last");
  const asked = searchParams.get("n");
  if (asked !== null && !/^\d+$/.test(asked)) {
    throw new Refusal(400, "PAGINATION_NUMBER_INVALID", "n is no number");
  }
  const limit = asked === null ? PAGE_LIMIT : Math.min(Number(asked), PAGE_LIMIT);
  const rest = last === null ? names : names.filter((name) => name > last);
  const page = rest.slice(0, limit);
  if (page.length === rest.length || page.length === 0) return { page, next: {} };
  const query = new URLSearchParams({ n: String(limit), last: page.at(-1) ?? "" });
  return { page, next: { link: `<${pathname}?${query}>; rel="next"` } };
}

/** RFC 9110, section 14.2; one range only, others are ignored, as they may be. */
function rangeOf(
  field: string | undefined,
  size: number,
): { readonly start: number; readonly end: number } | undefined {
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(field ?? "") ?? [];
  if (from === undefined || to === undefined || (from === "" && to === "")) return undefined;
  const start = from === "" ? Math.max(size - Number(to), 0) : Number(from);
  const end = from === "" || to === "" ? size : Math.min(Number(to) + 1, size);
  if (start < size && start < end) return { start, end };
  const content = { "content-range": `bytes */${size}` };
  throw new Refusal(416, "RANGE_INVALID", `it has ${size} bytes`, content);
}

async function whole(body: AsyncIterable<Uint8Array>, limitBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limitBytes) throw new Refusal(413, "SIZE_INVALID", "a manifest of this size");
    chunks.push(chunk);
  }
  return joined(chunks);
}

function checkDigest(text: string): string {
  if (DIGEST.test(text)) return text;
  throw new Refusal(400, "DIGEST_INVALID", "no digest by sha256 or sha512");
}

function checkReference(text: string): string {
  if (TAG.test(text) || DIGEST.test(text)) return text;
  throw new Refusal(text.includes(":") ? 400 : 404, "MANIFEST_INVALID", "no tag and no digest");
}

const unknownManifest = (name: string, reference: string): Refusal =>
  new Refusal(404, "MANIFEST_UNKNOWN", `${name} has no ${reference}`);

const unsupported = (method: string): Refusal =>
  new Refusal(405, "UNSUPPORTED", `${method} is not for this place`);

/** What a store's error is to a client. */
function refused({ kind, message }: NacreError): ProtocolAnswer {
  switch (kind) {
    case "corrupt":
      return refusal(400, "DIGEST_INVALID", message);
    case "invalid":
      return refusal(400, "MANIFEST_INVALID", message);
    case "not-found":
      return refusal(404, "MANIFEST_BLOB_UNKNOWN", message);
    case "in-use":
    case "conflict":
      return refusal(409, "DENIED", message);
    case "denied":
      return refusal(403, "DENIED", message);
    case "unsupported":
      return refusal(415, "UNSUPPORTED", message);
    case "no-space":
      return refusal(507, "TOOMANYREQUESTS", message);
    default:
      return refusal(500, "UNKNOWN", message);
  }
}
