/** As configs have sets: `{"80/tcp": {}}` (OCI image-spec, config.md). */
export const empties = (names: readonly string[]): Record<string, object> =>
  Object.fromEntries(names.map((name) => [name, {}]));
