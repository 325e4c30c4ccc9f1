// Images served by the OCI distribution specification: the protocol, on a socket, for those who may.

import { NacreError } from "@nacre/core/error.ts";
import type { ImageRepositories } from "@nacre/core/ports/image-repositories.ts";
import type {
  ImageServer,
  ServedImages,
  ServeImagesOptions,
} from "@nacre/core/ports/image-server.ts";
import type { Htpasswd } from "./htpasswd.ts";
import { type Listening, listen } from "./http.ts";
import {
  type ProtocolAnswer,
  type ProtocolRequest,
  RegistryProtocol,
  refusal,
} from "./protocol.ts";

const READS: readonly string[] = ["GET", "HEAD"];

export class OciServer implements ImageServer {
  readonly name = "oci";

  async serve(images: ImageRepositories, options: ServeImagesOptions): Promise<ServedImages> {
    const { host, port, tls, readOnly = false, answered } = options;
    const users = await usersOf(options);
    const protocol = new RegistryProtocol(images);
    const names = new WeakMap<ProtocolRequest, string>();
    const answer = async (request: ProtocolRequest): Promise<ProtocolAnswer> => {
      if (users) {
        const user = await users.user(request.headers.authorization);
        if (user === undefined) return unknown();
        names.set(request, user);
      }
      if (readOnly && !READS.includes(request.method)) {
        return refusal(405, "UNSUPPORTED", "this registry can only be read");
      }
      return protocol.answer(request);
    };
    const told = answered && {
      answered: (request: ProtocolRequest, status: number) => {
        const { method, url } = request;
        const user = names.get(request);
        const path = `${url.pathname}${url.search}`;
        answered({ method, path, status, ...(user !== undefined && { user }) });
      },
    };
    return listening(() => listen(answer, { host, port, ...(tls && { tls }), ...told }), options);
  }
}

const unknown = (): ProtocolAnswer =>
  refusal(401, "UNAUTHORIZED", "authentication required", {
    "www-authenticate": 'Basic realm="nacre registry", charset="UTF-8"',
  });

/** bcrypt is loaded where somebody is to be asked. */
async function usersOf({ htpasswd }: ServeImagesOptions): Promise<Htpasswd | undefined> {
  if (htpasswd === undefined) return undefined;
  const { Htpasswd } = await import("./htpasswd.ts");
  return new Htpasswd(htpasswd);
}

async function listening(
  start: () => Promise<Listening>,
  { host, port }: ServeImagesOptions,
): Promise<Listening> {
  try {
    return await start();
  } catch (cause) {
    const { code } = cause as { code?: unknown };
    const place = `${host}:${port}`;
    if (code === "EADDRINUSE") {
      throw new NacreError("in-use", `somebody else listens at ${place}`, {
        advice: "Choose another port.",
        cause,
      });
    }
    if (code === "EACCES") throw new NacreError("denied", `${place} is not for us`, { cause });
    if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
      throw new NacreError("invalid", `${host} is no address of this machine`, { cause });
    }
    if (/^ERR_(OSSL|SSL|TLS)/.test(String(code))) {
      throw new NacreError("invalid", "the certificate or its key cannot be used", {
        advice: "Both are to be in PEM, and to belong to each other.",
        cause,
      });
    }
    throw cause;
  }
}
