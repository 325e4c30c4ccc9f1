// No log: what a container writes is read by its supervisor, so that it never waits, and dropped.

import { NacreError } from "@nacre/core/error.ts";
import type { LogDriver } from "@nacre/core/ports/log-driver.ts";
import { NO_LOG } from "@nacre/core/program/log-options.ts";

export class NoLog implements LogDriver {
  readonly name = NO_LOG;

  read(): never {
    throw new NacreError(
      "unsupported",
      'configured logging driver does not support reading: it is "none"',
      { advice: "The container was made with --log-driver none: nothing of its output is kept." },
    );
  }
}
