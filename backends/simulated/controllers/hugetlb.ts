// Limits of huge pages, for each size that the machine has.
// Source: Linux, mm/hugetlb_cgroup.c.

import type { CgroupNode } from "../cgroup-node.ts";
import { type ControlContext, type ControlFile, filesOf, lines } from "../control-file.ts";
import { memory, shownV1 } from "../control-value.ts";
import { fail } from "../errno.ts";
import { HUGE_PAGE_SIZES, type HugePageCounter, type HugePageSize } from "../hugetlb.ts";

type Kind = "used" | "reserved";

const counter = (
  { resources }: ControlContext,
  node: CgroupNode,
  size: HugePageSize,
  kind: Kind,
): HugePageCounter => resources.hugePages.counter(node, size, kind);

/** In whole pages of this size. EBUSY below what is in use. */
function setLimit(
  of: HugePageCounter,
  node: CgroupNode,
  size: HugePageSize,
  limit: number | "max",
) {
  if (!node.parent) fail("EINVAL");
  const page = HUGE_PAGE_SIZES[size];
  const rounded = limit === "max" ? limit : Math.floor(limit / page) * page;
  if (rounded !== "max" && of.usage > rounded) fail("EBUSY");
  of.limit = rounded;
}

function separate(size: HugePageSize, kind: Kind) {
  const name = `hugetlb.${size}${kind === "reserved" ? ".rsvd" : ""}`;
  const of = (node: CgroupNode, context: ControlContext) => counter(context, node, size, kind);
  const resettable = (which: "peak" | "failures") => ({
    read: (node: CgroupNode, context: ControlContext) => `${of(node, context)[which]}\n`,
    write: (node: CgroupNode, _text: string, context: ControlContext) => {
      of(node, context)[which] = which === "peak" ? of(node, context).usage : 0;
    },
  });
  return filesOf(1, "hugetlb", {
    [`${name}.limit_in_bytes`]: {
      // Unlimited is shown in whole huge pages, too; for both sizes that is the same number.
      read: (node, context) => `${shownV1(of(node, context).limit)}\n`,
      write: (node, text, context) => setLimit(of(node, context), node, size, memory(text, "-1")),
    },
    [`${name}.usage_in_bytes`]: { read: (node, context) => `${of(node, context).usage}\n` },
    [`${name}.max_usage_in_bytes`]: resettable("peak"),
    [`${name}.failcnt`]: resettable("failures"),
  });
}

function unified(size: HugePageSize, kind: Kind) {
  const name = `hugetlb.${size}${kind === "reserved" ? ".rsvd" : ""}`;
  const of = (node: CgroupNode, context: ControlContext) => counter(context, node, size, kind);
  return filesOf(2, "hugetlb", {
    [`${name}.max`]: {
      place: "below",
      read: (node, context) => `${of(node, context).limit}\n`,
      write: (node, text, context) => setLimit(of(node, context), node, size, memory(text, "max")),
    },
    [`${name}.current`]: {
      place: "below",
      read: (node, context) => `${of(node, context).usage}\n`,
    },
    ...(kind === "used" && {
      [`${name}.events`]: {
        place: "below",
        read: (node: CgroupNode, context: ControlContext) =>
          lines({ max: of(node, context).failures }),
      },
    }),
  });
}

export const HUGETLB: readonly ControlFile[] = (["2MB", "1GB"] as const).flatMap((size) =>
  (["used", "reserved"] as const).flatMap((kind) => [
    ...separate(size, kind),
    ...unified(size, kind),
  ]),
);
