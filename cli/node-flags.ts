/**
 * How Node is started: by bin/nacre, where the reasons stand, and by supervisors, who need no shell.
 * V8 takes compiled code back only under the flags that it was compiled with; from Node 24 on it does
 * not count these, but 22 does.
 */
export const NODE_FLAGS: readonly string[] = [
  "--disable-warning=ExperimentalWarning",
  "--v8-pool-size=1",
  "--min-semi-space-size=8",
];
