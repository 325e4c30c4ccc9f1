// Variables that tell of proxies, which docker's client gives to every container and build: those that
// its config.json names under `proxies`, each in capitals and in small letters, as programs differ.

import type { Host } from "./host.ts";

const FIELDS = ["httpProxy", "httpsProxy", "noProxy", "ftpProxy", "allProxy"] as const;
/** podman's --http-proxy; it knows no other. */
const NAMES = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY"];

/** `K=V` for those that are not `given`. A config.json that cannot be read is told of, and gone on without. */
export function configuredProxies(given: readonly string[], host: Host): string[] {
  const { DOCKER_CONFIG, HOME } = host.environment;
  const directory = DOCKER_CONFIG || (HOME && `${HOME}/.docker`);
  const proxies = directory ? proxiesIn(`${directory}/config.json`, host) : {};
  const names = new Set(given.map((variable) => variable.split("=", 1)[0]));
  return FIELDS.flatMap((field) => {
    const value = proxies[field];
    if (typeof value !== "string" || value === "") return [];
    const small = field.replace("Proxy", "_proxy");
    return [small.toUpperCase(), small]
      .filter((name) => !names.has(name))
      .map((name) => `${name}=${value}`);
  });
}

/** Bare names of ours, in both ways to write them. */
export const OWN_PROXIES: readonly string[] = NAMES.flatMap((name) => [name, name.toLowerCase()]);

function proxiesIn(path: string, host: Host): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(host.readText(path))?.proxies?.default ?? {};
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (!isMissing) host.printError(`nacre: warning: ${path}: ${(error as Error).message}\n`);
    return {};
  }
}
