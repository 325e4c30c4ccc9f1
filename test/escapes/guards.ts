// Known escapes and denials that have a test where the part is that they happen to: which test, and
// what is taken out of which source so that the test must fail (vitest.config.ts carries that out).
// Ids and shapes by the public records; whose wording it is, is ours.

export interface Guard {
  readonly ids: readonly string[];
  readonly shape: string;
  readonly protection: string;
  /** A test file and, of its tests, those whose names have this text. */
  readonly test: readonly [file: string, name: string];
  /** In a source, text in place of other text that must be there. */
  readonly without: readonly (readonly [file: string, from: string, to: string])[];
}

const MANIFEST = "engine/registry/manifest.ts";
const REGISTRY = "engine/registry/registry.ts";
const DOCUMENTS = "test/engine/registry-faults.test.ts";

export const GUARDS: readonly Guard[] = [
  {
    ids: ["CVE-2024-3727"],
    shape: "a digest that is a path is used as one",
    protection: "descriptors have a digest of a known algorithm and length, or are refused",
    test: [DOCUMENTS, "a digest that climbs"],
    without: [[MANIFEST, "checkDigest(core, digest, what);", ""]],
  },
  {
    ids: ["CVE-2021-41190"],
    shape: "a document is an index to one reader, and a manifest to another",
    protection: "what is both is refused",
    test: [DOCUMENTS, "an index and a manifest at once"],
    without: [[MANIFEST, '"manifests" in document && (', '"manifests" in {} && (']],
  },
  {
    ids: ["CVE-2021-21285", "CVE-2021-20291", "CVE-2019-11253"],
    shape: "a manifest of other types than the specification's stops the engine",
    protection: "each member is asked for its type before it is used",
    test: [DOCUMENTS, "layers that are no list"],
    without: [[MANIFEST, 'if (!Array.isArray(value)) corrupt(what, "it is not a list");', ""]],
  },
  {
    ids: ["CVE-2023-25153"],
    shape: "a manifest without end fills the engine's memory",
    protection: "no more than 4 MiB of one are read",
    test: [DOCUMENTS, "larger than 4 MiB"],
    without: [[REGISTRY, "if (size > limitBytes) {", "if (size < 0) {"]],
  },
  {
    ids: ["CVE-2020-15157"],
    shape: "credentials go along with a redirect to somebody else",
    protection: "they go to the origin that they are for, and no other",
    test: ["test/engine/registry-redirects.test.ts", "to another host is followed"],
    without: [
      [
        "engine/registry/transport.ts",
        "url.origin === start.origin && authorization !== undefined",
        "authorization !== undefined",
      ],
    ],
  },
  {
    ids: ["CVE-2014-5277"],
    shape: "a registry that does not speak TLS is spoken to without it",
    protection: "plain HTTP on loopback, and where it was asked for",
    test: ["test/engine/registry-endpoints.test.ts", "are https alone"],
    without: [
      [
        "engine/registry/endpoints.ts",
        'plainHttp ? [endpoint("https"), endpoint("http")] : [endpoint("https")]',
        '[endpoint("https"), endpoint("http")]',
      ],
    ],
  },
  {
    ids: ["CVE-2017-14992"],
    shape: "a small layer decompresses without end",
    protection: "a pull has a budget of bytes, and ends where it is spent",
    test: ["test/engine/pull-limits.test.ts", "a bomb"],
    without: [
      ["engine/images/layer-store.ts", "if (budget.leftBytes < 0) throw bomb(task, tar);", ""],
    ],
  },
  {
    ids: ["CVE-2024-9676"],
    shape: "accounts of an image are read from a device, a fifo or a huge file",
    protection: "they are read from the layers' index: files alone, of at most 1 MiB",
    test: ["test/engine/pull-limits.test.ts", "a file of accounts"],
    without: [["engine/images/accounts.ts", " || entry.size > limitBytes", ""]],
  },
  {
    ids: ["CVE-2014-9356", "CVE-2014-9358"],
    shape: "an archive that is loaded names files outside of itself",
    protection: "names are looked up in the archive's own list of members",
    test: ["test/engine/archives.test.ts", "names of files that it lacks"],
    without: [["engine/sharing/load.ts", "if (!bytes) throw lacking(image.config);", ""]],
  },
  {
    ids: ["CVE-2007-4559", "CVE-2018-1002200", "CVE-2014-6407"],
    shape: "a name in a layer, or what a hard link of it names, climbs out of the root",
    protection: "such a layer is refused where it is indexed, before anything is made of it",
    test: ["test/core/layer-index.test.ts", "leaves the root"],
    without: [
      [
        "core/assembly/tar-name.ts",
        "if (width === 2 && start === 0) return refuse(LEAVES_ROOT);",
        "",
      ],
    ],
  },
  {
    ids: ["CVE-2024-23653"],
    shape: "a step of a build asks for all powers, which nobody allowed",
    protection: "it gets them where whoever builds says --allow security.insecure",
    test: ["test/simulation/engine-contract.test.ts", "gives a step all powers only if"],
    without: [
      [
        "engine/build/run-step.ts",
        'if (!insecure || allow.includes("security.insecure")) return;',
        "if (allow !== undefined) return;",
      ],
    ],
  },
  {
    ids: ["CVE-2022-23648"],
    shape: "a volume is filled from where a link of the image leads",
    protection: "its place is looked up in the image's index, where nothing is outside",
    test: ["test/engine/volumes.test.ts", "is never filled from outside"],
    without: [["engine/volumes/copy-up.ts", "tree.lookup(path, true)", "tree.lookup(path)"]],
  },
  {
    ids: ["CVE-2020-1726"],
    shape: "a volume that has something in it is filled again",
    protection: "an empty one alone is filled",
    test: ["test/engine/volumes.test.ts", "and never again"],
    without: [
      [
        "engine/volumes/fill.ts",
        "if (this.#files.list(directory).length > 0) return;",
        "for (const name of this.#files.list(directory)) await this.#files.removeTree(directory + '/' + name);",
      ],
    ],
  },
  {
    ids: ["CVE-2024-9675"],
    shape: "the ID of a build's cache is a path that climbs",
    protection: "a cache's directory has a hash of the ID for a name",
    test: ["test/engine/asked-too-much.test.ts", "lies among the other caches"],
    without: [
      [
        "engine/build/cache-mounts.ts",
        'return hasher.digest().slice("sha256:".length, "sha256:".length + 32);',
        "return id;",
      ],
    ],
  },
  {
    ids: ["CVE-2022-1708", "CVE-2022-31030"],
    shape: "what a check or a command says without end is kept in memory",
    protection: "4096 bytes of a health check are; all other output goes through descriptors",
    test: ["test/engine/asked-too-much.test.ts", "is kept by its first 4096"],
    without: [
      [
        "engine/containers/health-checks.ts",
        "new Uint8Array(HEALTH_OUTPUT_BYTES)",
        "new Uint8Array(HEALTH_OUTPUT_BYTES * 100)",
      ],
    ],
  },
  {
    ids: ["CVE-2023-2253"],
    shape: "a registry is asked for as many names as a number can say",
    protection: "a page has at most 1000",
    test: ["test/plugins/registry-limits.test.ts", "as many names at a time"],
    without: [
      ["plugins/registry/protocol.ts", "Math.min(Number(asked), PAGE_LIMIT)", "Number(asked)"],
    ],
  },
  {
    ids: ["CVE-2017-11468"],
    shape: "a registry is sent a manifest without end",
    protection: "no more than 4 MiB of one are read",
    test: ["test/plugins/registry-limits.test.ts", "no more of a manifest"],
    without: [
      [
        "plugins/registry/protocol.ts",
        'if (size > limitBytes) throw new Refusal(413, "SIZE_INVALID", "a manifest of this size");',
        "",
      ],
    ],
  },
  {
    ids: ["CVE-2022-0811"],
    shape: "a kernel parameter's value carries another one",
    protection: "values have one line, names are of namespaces of its own",
    test: ["test/core/program/sysctls.test.ts", "do not carry a second one"],
    without: [
      ["core/program/sysctls.ts", "if (/[\\n\\0]/.test(value)) {", "if (value === name) {"],
    ],
  },
  {
    ids: [],
    shape: "a name that an image or a file gives a helper is a path, an option or a command",
    protection: "names of helpers are words, and no shell reads them",
    test: ["test/backends/linux/credentials.test.ts", "a path, an option or a command"],
    without: [
      [
        "backends/linux/credential-helper.ts",
        "if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) {",
        'if (name === "") {',
      ],
    ],
  },
  {
    ids: [],
    shape: "a helper has what the engine's environment has: keys, libraries to load",
    protection: "a few variables are handed on, by name",
    test: ["test/backends/linux/credentials.test.ts", "little of our environment"],
    without: [
      [
        "backends/linux/credential-helper.ts",
        "env: pick(this.#environment, ENVIRONMENT),",
        "env: this.#environment,",
      ],
    ],
  },
  {
    ids: [],
    shape: "text of a registry is obeyed by the terminal that it is shown on",
    protection: "messages show what a terminal would obey",
    test: ["test/cli/commands/image-explore.test.ts", "nothing that a terminal obeys"],
    without: [["cli/text/escape.ts", "return text.replace(DANGEROUS, show);", "return text;"]],
  },
];
