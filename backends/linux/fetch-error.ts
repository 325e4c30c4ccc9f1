// Why there was no answer, in words.

import { NacreError } from "@nacre/core/error.ts";

const REASONS: Readonly<Record<string, string>> = {
  EAI_AGAIN: "its name cannot be looked up now",
  ECONNREFUSED: "nothing listens there",
  ECONNRESET: "it closed the connection",
  EHOSTUNREACH: "there is no way to it",
  ENETUNREACH: "this machine has no network",
  ENOTFOUND: "its name is unknown",
  EPIPE: "it closed the connection",
  ETIMEDOUT: "it does not answer",
  UND_ERR_BODY_TIMEOUT: "it fell silent in the middle of an answer",
  UND_ERR_CONNECT_TIMEOUT: "it does not answer",
  UND_ERR_HEADERS_TIMEOUT: "it took the request and does not answer",
  UND_ERR_SOCKET: "it closed the connection",
};

const ADVICE: Readonly<Record<string, string>> = {
  ENOTFOUND: "Check the registry's name, and this machine's DNS.",
  EAI_AGAIN: "Check this machine's network and DNS.",
  ECONNREFUSED: "Check that the registry runs, and its port.",
};

/** OpenSSL's verification results, as Node names them. */
const CERTIFICATE = /^(CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS_CERT|HOSTNAME_MISMATCH)/;

/** A NacreError `unreachable`, or `interrupted` if the signal was the reason. */
export function fetchError(error: unknown, url: URL, signal: AbortSignal | undefined): NacreError {
  if (error instanceof NacreError) return error;
  const where = url.host;
  if (signal?.aborted) {
    return new NacreError("interrupted", `the request to ${where} was interrupted`, {
      cause: error,
    });
  }
  const { code = "", message = "" } = (error ?? {}) as { code?: string; message?: string };
  if (CERTIFICATE.test(code)) {
    return new NacreError(
      "unreachable",
      `${where} cannot be trusted: its certificate is not valid here (${code})`,
      {
        errno: "CERTIFICATE",
        advice: `If it is your own, put its authority at /etc/docker/certs.d/${where}/ca.crt, or name it in SSL_CERT_FILE.`,
        cause: error,
      },
    );
  }
  // A TLS handshake with something that does not speak TLS.
  const plain = code === "EPROTO" || code.startsWith("ERR_SSL_");
  const reason = plain ? "it does not speak TLS" : (REASONS[code] ?? (message || code));
  return new NacreError("unreachable", `cannot reach ${where}: ${reason}`, {
    ...(code === "" ? {} : { errno: plain ? "EPROTO" : code }),
    advice:
      ADVICE[code] ??
      "Check the network, and HTTP_PROXY, HTTPS_PROXY and NO_PROXY if you use them.",
    cause: error,
  });
}
