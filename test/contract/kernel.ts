// What every implementation of Kernel does. For plugin authors as for our own backends:
//
//   kernelContract("my kernel", async () => ({ kernel: new MyKernel(), … }));

import { afterEach, beforeEach, describe } from "vitest";
import { KernelBench, type KernelSubject } from "./kernel-bench.ts";
import { devicesContract } from "./kernel-devices.ts";
import { filtersContract } from "./kernel-filters.ts";
import { keyringContract } from "./kernel-keyrings.ts";
import { processesContract } from "./kernel-processes.ts";
import { programsContract } from "./kernel-programs.ts";
import { startsContract } from "./kernel-starts.ts";
import { supervisionContract } from "./kernel-supervision.ts";
import { usersContract } from "./kernel-users.ts";

export function kernelContract(name: string, makeSubject: () => Promise<KernelSubject>): void {
  describe(`${name} as Kernel`, () => {
    let bench: KernelBench;
    beforeEach(async () => {
      bench = new KernelBench(await makeSubject());
    });
    afterEach(async () => {
      await bench.subject.dispose?.();
    });

    programsContract(() => bench);
    processesContract(() => bench);
    filtersContract(() => bench);
    supervisionContract(() => bench);
    keyringContract(() => bench);
    startsContract(() => bench);
    devicesContract(() => bench);
    usersContract(() => bench);
  });
}
