// What a registry's refusals mean to the person who asked for an image.

import { type ErrorKind, NacreError } from "@nacre/core/error.ts";
import type { FetchResponse } from "@nacre/core/ports/fetch.ts";

const ERROR_BODY_LIMIT_BYTES = 64 * 1024;

/** What was asked, for messages: `debian:12` at `registry.example`. */
export interface Asked {
  /** As a person would type it. */
  readonly what: string;
  /** The server's host and port. */
  readonly host: string;
  /** Whether credentials were found for it. */
  readonly authenticated: boolean;
  /** What was to be done; `pull` if absent. */
  readonly action?: string;
}

/**
 * Text from a server, safe to print: no control characters (a terminal would obey them), one line,
 * at most 300 characters.
 */
export function printable(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").trim();
  return clean.length > 300 ? `${clean.slice(0, 299)}…` : clean;
}

/** The error list of a registry's JSON answer (distribution spec, "Error codes"), as one text. */
async function explanation(response: FetchResponse): Promise<string> {
  try {
    const body: unknown = JSON.parse(await response.text(ERROR_BODY_LIMIT_BYTES));
    const errors = (body as { errors?: unknown } | null)?.errors;
    if (!Array.isArray(errors)) return "";
    const texts = errors.map((error: { code?: unknown; message?: unknown } | null) =>
      [error?.message, error?.code].find((text) => typeof text === "string" && text !== ""),
    );
    return printable(texts.filter((text) => text !== undefined).join("; "));
  } catch {
    await response.cancel();
    return "";
  }
}

/** The error for an answer that is neither success nor worth another attempt. Reads the body. */
export async function refusal(response: FetchResponse, asked: Asked): Promise<NacreError> {
  const { status } = response;
  const said = await explanation(response);
  const reason = said === "" ? `HTTP ${status}` : `HTTP ${status}: ${said}`;
  const { what, host, action = "pull" } = asked;
  const operation = `${action} ${what}`;
  if (status === 401 || status === 403) return unauthorized(asked, reason);
  if (status === 404) {
    return new NacreError("not-found", `${what} is unknown to the registry ${host} (${reason})`, {
      operation,
      advice: "Check the name and the tag for typing errors.",
    });
  }
  const kind: ErrorKind = status === 429 || status >= 500 ? "unreachable" : "invalid";
  const name = kind === "unreachable" ? "cannot answer now" : "refused the request";
  return new NacreError(kind, `the registry ${host} ${name} for ${what} (${reason})`, {
    operation,
    advice:
      status === 429
        ? "It limits how often one may ask: wait, or log in."
        : "Try again later, or ask whoever runs it.",
  });
}

/** The error for a registry that does not let us in. */
export function unauthorized(asked: Asked, reason: string): NacreError {
  const { what, host, authenticated, action = "pull" } = asked;
  const known = `the registry ${host} refuses the stored credentials for ${what} (${reason})`;
  const unknown =
    action === "pull"
      ? `the registry ${host} gives ${what} to nobody unknown (${reason})`
      : `the registry ${host} lets nobody unknown ${action} ${what} (${reason})`;
  return new NacreError("unauthorized", authenticated ? known : unknown, {
    operation: `${action} ${what}`,
    advice: authenticated
      ? `Log in again: nacre login ${host}`
      : `It may not exist, or be private: check its name, or log in with nacre login ${host}`,
  });
}
