// Known escapes and denials that are tested with what they happen to, or have no part here to
// happen to. Ids and shapes by the public records; whose wording it is, is ours.

export const ELSEWHERE: readonly (readonly [ids: readonly string[], why: string])[] = [
  [["CVE-2018-15664", "CVE-2019-10152", "CVE-2021-41089"], "cp: test/kernel/copies.test.ts"],
  [["CVE-2019-14271"], "cp runs nothing of the container: no process is started for it"],
  [
    ["CVE-2024-3727", "CVE-2021-41190", "CVE-2021-21285", "CVE-2023-25153"],
    "manifests and digests: test/engine/registry-faults.test.ts, test/core/digest.test.ts",
  ],
  [
    ["CVE-2020-15157"],
    "credentials: test/engine/registry-redirects.test.ts, registry-access.test.ts",
  ],
  [["CVE-2017-14992"], "sizes of layers: test/engine/pull-limits.test.ts"],
  [
    ["CVE-2014-9357", "CVE-2014-9358", "CVE-2014-3499", "CVE-2014-5277"],
    "layers and loads: test/core/hostile.test.ts; no decompressor is looked for in an image",
  ],
  [
    ["CVE-2022-23648"],
    "volumes are filled from the index of an image: test/kernel/engine-volumes.test.ts",
  ],
  [
    ["CVE-2016-9962"],
    "who joins is not dumpable, and has more powers than the container: test/kernel/nacre-init.test.ts",
  ],
  [
    ["CVE-2021-43784"],
    "lengths of 32 bits that are checked: test/kernel/malformed.test.ts, npm run fuzz",
  ],
  [["CVE-2025-52565"], "the terminal is found by no name: test/kernel/nacre-init.test.ts"],
  [
    ["CVE-2024-1753", "CVE-2024-23651", "CVE-2024-23652", "CVE-2024-9407", "CVE-2024-9675"],
    "mounts of builds: see the tests of build",
  ],
  [["CVE-2021-21284", "CVE-2021-20199"], "no remapped root, and no rootless network yet"],
  [
    ["CVE-2020-13401", "CVE-2025-54388", "CVE-2020-8558", "CVE-2023-28840"],
    "no bridges, published ports or overlay networks yet",
  ],
  [
    ["CVE-2024-41110", "CVE-2017-11468", "CVE-2023-2253"],
    "no daemon that listens, no registry to serve others",
  ],
  [["CVE-2022-31030", "CVE-2022-1708"], "output goes through descriptors, none of it is collected"],
];
