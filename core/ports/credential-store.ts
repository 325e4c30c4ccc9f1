import { token } from "./token.ts";

export type Credential =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token (docker's identity token). */
  | { readonly kind: "identity-token"; readonly token: string };

/**
 * Where credentials for registries come from: docker's config.json, its helpers, or a plugin.
 * `find` returns undefined for a registry without any. Secrets never reach a log, an error or a
 * command line. Errors: NacreError `invalid` if the configuration cannot be read.
 */
export interface CredentialStore {
  find(registry: string): Promise<Credential | undefined>;
}

export const CredentialStore = token<CredentialStore>("CredentialStore");
