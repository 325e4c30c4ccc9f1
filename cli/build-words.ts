// Words of `nacre build` that buildx has and that come to little here: annotations, attestations,
// entitlements.

import { FlagError } from "./flag-error.ts";
import { fieldsOf } from "./parse/fields.ts";
import { parseBoolean } from "./parse/number.ts";

/** `KEY=VALUE` of the manifest; buildx has others for indexes and descriptors. @throws FlagError */
export function parseAnnotation(given: string): readonly [key: string, value: string] {
  const [, types, key = "", value] =
    /^(?:((?:index|manifest)(?:-descriptor)?(?:\[[^\]]*\])?(?:,[^:=]*)?):)?([^=]+)=(.*)$/s.exec(
      given,
    ) ?? [];
  if (value === undefined) throw new FlagError(`--annotation: ${given} is not KEY=VALUE`);
  if (types !== undefined && types !== "manifest") {
    throw new FlagError(
      `--annotation: ${types} cannot have any: an image that is built has a manifest alone`,
    );
  }
  return [key, value];
}

/** `type=provenance,disabled=true`. @throws FlagError */
export function parseAttestation(given: string): string {
  const { type = "", disabled = "false" } = fieldsOf(given, "attest");
  if (!parseBoolean(disabled)) throw notMade("attest", type === "" ? given : `of type ${type}`);
  return given;
}

/** `--provenance=false`, `--sbom=false`. @throws FlagError */
export function noAttestation(given: string): string {
  if (/^(false|0|f)$/i.test(given)) return given;
  throw notMade("provenance and --sbom", given);
}

const notMade = (option: string, what: string): FlagError =>
  new FlagError(`--${option}: attestations (${what}) are not made: give false, or leave it out`);

/** @throws FlagError */
export function parseEntitlement(given: string): "network.host" | "security.insecure" {
  if (given === "network.host" || given === "security.insecure") return given;
  throw new FlagError(
    `--allow ${given}: there are security.insecure, and network.host, which every step has`,
  );
}
