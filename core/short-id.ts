/** Twelve hex digits of an ID or a digest, as docker shows them. */
export function shortId(id: string): string {
  return id.replace(/^[a-z0-9]+:/, "").slice(0, 12);
}
