// Which file beside a bundle has V8's code for it.

/**
 * Commands with files of their own, as people wait for them most: they hold what the command calls and
 * nothing else. What others call of the same bundles would be taken back with it, and costs as much.
 * Where one's own is missing everybody's is taken.
 */
export const OWN_CODE = ["run", "exec", "inspect", "ps", "stop", "build"] as const;

/**
 * What follows a bundle's name for the command line `words`. The word that counts may stand behind one
 * global option and its value; where it is no command, only functions are missing that V8 compiles
 * when they are called.
 */
export function codeFile(words: readonly string[]): string {
  // The OCI runtime's commands have the same names, and bundles of their own.
  const named = words[0] === "oci" ? [] : words.slice(0, 3);
  const own = named.find((word) => (OWN_CODE as readonly string[]).includes(word));
  return `.${process.versions.v8}-${process.arch}${own === undefined ? "" : `.${own}`}.code`;
}
