/**
 * How Node is started: by bin/nacre, where the reasons stand, and by supervisors, who need no shell.
 * V8 takes compiled code back only under the flags that it was compiled with; it does not count these.
 */
export const NODE_FLAGS: readonly string[] = [
  "--disable-warning=ExperimentalWarning",
  "--v8-pool-size=1",
  "--min-semi-space-size=8",
];
