// Block devices: weights, by which those share a device that want it at once, and rates that hold
// whoever else is there. A device is named by its numbers.
// Sources: Linux, Documentation/admin-guide/cgroup-v1/blkio-controller.rst, cgroup-v2.rst.

import { blkioWeightToIoWeight, ioMaxLine, type ThrottleRates } from "../../cgroup-conversion.ts";
import type { SpecBlockIO, SpecResources } from "../../oci/runtime-spec.ts";
import { type CgroupWrite, type ControllerWrites, isGiven } from "./write.ts";

const WEIGHT = "its share of a disk when others want it too";
const RATE = "how much it may read or write a second";

type Throttle = Exclude<keyof SpecBlockIO, "weight" | "leafWeight" | "weightDevice">;

/** The file of v1 and the word in a line of v2's io.max. */
const THROTTLES: Readonly<Record<Throttle, readonly [file: string, rate: keyof ThrottleRates]>> = {
  throttleReadBpsDevice: ["blkio.throttle.read_bps_device", "readBps"],
  throttleWriteBpsDevice: ["blkio.throttle.write_bps_device", "writeBps"],
  throttleReadIOPSDevice: ["blkio.throttle.read_iops_device", "readIops"],
  throttleWriteIOPSDevice: ["blkio.throttle.write_iops_device", "writeIops"],
};
const KINDS = Object.keys(THROTTLES) as Throttle[];

/** Weights belong to the scheduler of a disk's queue: the files are those of bfq. */
function v1({ blockIO }: SpecResources): CgroupWrite[] {
  if (!blockIO) return [];
  const write = (file: string, data: string, why: string): CgroupWrite => ({
    ...{ controller: "blkio", file, data, why },
  });
  const { weight, weightDevice = [] } = blockIO;
  return [
    ...(isGiven(weight) ? [write("blkio.bfq.weight", String(weight), WEIGHT)] : []),
    ...weightDevice.map((d) =>
      write("blkio.bfq.weight_device", `${d.major}:${d.minor} ${d.weight}`, WEIGHT),
    ),
    ...KINDS.flatMap((kind) =>
      (blockIO[kind] ?? []).map((d) =>
        write(THROTTLES[kind][0], `${d.major}:${d.minor} ${d.rate}`, RATE),
      ),
    ),
  ];
}

function v2({ blockIO }: SpecResources): CgroupWrite[] {
  if (!blockIO) return [];
  const write = (file: string, data: string, why: string): CgroupWrite => ({
    ...{ controller: "io", file, data, why },
  });
  const { weight = 0, weightDevice = [] } = blockIO;
  const whole = blkioWeightToIoWeight(weight);
  return [
    ...(whole > 0 ? [write("io.weight", `default ${whole}`, WEIGHT)] : []),
    ...weightDevice.map((d) => {
      const line = `${d.major}:${d.minor} ${blkioWeightToIoWeight(d.weight)}`;
      return write("io.weight", line, WEIGHT);
    }),
    ...KINDS.flatMap((kind) =>
      (blockIO[kind] ?? []).map((d) => {
        const line = ioMaxLine(`${d.major}:${d.minor}`, { [THROTTLES[kind][1]]: d.rate });
        return write("io.max", line, RATE);
      }),
    ),
  ];
}

export const blockIO: ControllerWrites = { v1, v2 };
