// The freezer's files. Here every process is at a place where it can be stopped, so that FREEZING
// is over as soon as it begins.

import type { CgroupNode } from "../cgroup-node.ts";
import { type ControlFile, filesOf, shown } from "../control-file.ts";
import { signed } from "../control-value.ts";
import { fail } from "../errno.ts";
import { isFrozenNode } from "../freezer.ts";

const digit = (value: boolean): string => (value ? "1" : "0");
const isAbove = (node: CgroupNode): boolean =>
  node.parent !== undefined && isFrozenNode(node.parent);

export const FREEZER: readonly ControlFile[] = [
  ...filesOf(1, "freezer", {
    "freezer.state": {
      place: "below",
      read: (node) => (isFrozenNode(node) ? "FROZEN\n" : "THAWED\n"),
      write: (node, text, context) => {
        const state = ["THAWED", "FROZEN"].indexOf(text.trim());
        if (state < 0) fail("EINVAL");
        node.setLimit("frozen", state);
        context.frozen(node);
      },
    },
    "freezer.self_freezing": {
      place: "below",
      ...shown((node) => digit(node.limit("frozen") === 1)),
    },
    "freezer.parent_freezing": { place: "below", ...shown((node) => digit(isAbove(node))) },
  }),
  ...filesOf(2, undefined, {
    "cgroup.freeze": {
      place: "below",
      read: (node) => `${node.limit("frozen")}\n`,
      write: (node, text, context) => {
        const state = signed(text);
        if (state !== 0 && state !== 1) fail("ERANGE");
        node.setLimit("frozen", state);
        context.frozen(node);
      },
    },
  }),
];
