// An empty directory for each test, gone after it.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** To be called inside a test or its beforeEach. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), "nacre-test-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
