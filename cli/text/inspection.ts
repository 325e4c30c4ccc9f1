// What `inspect` prints: docker's JSON, indented by four, or a template over each object.

import { FlagError } from "../flag-error.ts";
import type { Host } from "../host.ts";
import { parseWholeTemplate } from "./template.ts";

/** Prints objects; throws TemplateError, once the others are printed, if one was not as expected. */
export type Inspection = (host: Host, objects: readonly unknown[]) => void;

/**
 * A line each with a template; one array without, and for `json`.
 * @throws TemplateError for a template that cannot be read: so ask before anything is looked for
 */
export function inspectionIn(format: string | undefined): Inspection {
  if (format === undefined || format === "" || format === "json") {
    const indent = format === "json" ? 0 : 4;
    return (host, objects) => host.print(`${JSON.stringify(objects, null, indent)}\n`);
  }
  const template = parseWholeTemplate(format);
  return (host, objects) => {
    const failures: FlagError[] = [];
    for (const object of objects) {
      try {
        host.print(`${template.render(object)}\n`);
      } catch (error) {
        if (!(error instanceof FlagError)) throw error;
        failures.push(error);
      }
    }
    if (failures[0]) throw failures[0];
  };
}
