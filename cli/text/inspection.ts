// What `inspect` prints: docker's JSON, indented by four, or a template over each object.

import { parseTemplate } from "./template.ts";

/**
 * A line each with a template; one array without.
 * @throws FlagError for a template that cannot be read
 */
export function formatInspection(objects: readonly unknown[], format: string | undefined): string {
  if (format === undefined || format === "") return `${JSON.stringify(objects, null, 4)}\n`;
  const template = parseTemplate(format === "json" ? "{{json .}}" : format);
  return objects.map((object) => `${template.render(object)}\n`).join("");
}
