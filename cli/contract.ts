// `import { snapshotterContract } from "nacre/contract"`: what every implementation of a port
// does, as vitest suites, for plugins' own tests. vitest is the one who runs them, a peer.

export { type ClockSubject, clockContract } from "../test/contract/clock.ts";
export { contentStoreContract } from "../test/contract/content-store.ts";
export { type FilesSubject, filesContract } from "../test/contract/files.ts";
export { type LogSubject, logDriverContract } from "../test/contract/log-driver.ts";
export { networkDriverContract } from "../test/contract/network-driver.ts";
export { type RuntimeSubject, runtimeContract } from "../test/contract/runtime.ts";
export {
  type Change,
  type Seen,
  type SnapshotterSubject,
  snapshotterContract,
} from "../test/contract/snapshotter.ts";
export { stateStoreContract } from "../test/contract/state-store.ts";
export { type VolumeSubject, volumeDriverContract } from "../test/contract/volume-driver.ts";
