import { token } from "./token.ts";

export type Credential =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token (docker's identity token). */
  | { readonly kind: "identity-token"; readonly token: string };

/**
 * Where credentials for registries come from: docker's config.json, its helpers, or a plugin.
 * `find` returns undefined for a registry without any. Secrets never reach a log, an error or a
 * command line. Errors: NacreError `invalid` if the configuration cannot be read, `denied` if it
 * cannot be written.
 *
 * Lifecycle: what `store` keeps, `find` finds until `erase`. A store without these two is one that
 * somebody else fills.
 */
export interface CredentialStore {
  find(registry: string): Promise<Credential | undefined>;
  /** Replaces what there was for the registry. Says where it is now, for a person. */
  store?(registry: string, credential: Credential): Promise<string>;
  /** Whether there was anything. */
  erase?(registry: string): Promise<boolean>;
  /** Registries that there are credentials for, as far as they are listed anywhere. */
  list?(): string[];
}

export const CredentialStore = token<CredentialStore>("CredentialStore");
