// Everything that core.wasm exports, under the names that core/core.ts reads.

export {
  cgroupChild,
  cgroupChildren,
  cgroupCreate,
  cgroupInfo,
  cgroupRemove,
  cgroupResult,
  cgroupSystemNew,
} from "./cgroup";
export {
  cgroupHierarchies,
  cgroupHierarchyInfo,
  cgroupHierarchyNew,
  cgroupHierarchyRebind,
  cgroupHierarchyRemove,
} from "./cgroup-hierarchy";
export {
  cgroupEffectiveLimit,
  cgroupLimit,
  cgroupSetLimit,
  cgroupShare,
} from "./cgroup-limits";
export { cgroupSubtreeControl } from "./cgroup-subtree";
export { cpusetList, cpusetSet } from "./cpuset";
export {
  cssCounts,
  cssExit,
  cssFork,
  cssMove,
  cssNodes,
  cssOf,
  cssSets,
  cssSetsOf,
  cssTasks,
} from "./css-task";
export {
  chainFaultIndex,
  chainIds,
  digestCheck,
  sha256Hex,
  sha256New,
  sha256Reset,
  sha256Update,
} from "./digest";
export {
  erofsBuild,
  erofsCopies,
  erofsCopiesCount,
  erofsImage,
  erofsImageSize,
  erofsSpillSize,
} from "./erofs";
export { layersHeap } from "./layer-stack";
export { layersAdd, layersCulprit, layersNew } from "./layers";
export {
  layersCursor,
  layersFind,
  layersFinish,
  layersHistory,
  layersList,
  layersOwn,
  layersRow,
  layersSizes,
  layersWalk,
} from "./layers-view";
export { alloc, IO_CAPACITY, io } from "./memory";
export { referenceParse, referenceResult } from "./reference";
export {
  tarFeed,
  tarFinish,
  tarIndexPart,
  tarIndexPartSize,
  tarMemberName,
  tarMemberNameSize,
  tarMemberOffset,
  tarNew,
  tarPass,
  tarSkip,
} from "./tar";
