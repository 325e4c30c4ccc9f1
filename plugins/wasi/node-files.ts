// A container's own files, from inside it.

import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  type Stats,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import type { InterpretedFiles } from "@nacre/core/ports/runtime.ts";

function kindOf(status: Stats): string {
  if (status.isFile()) return "file";
  if (status.isDirectory()) return "directory";
  return status.isSymbolicLink() ? "symlink" : "other";
}

export const nodeFiles: InterpretedFiles = {
  readBytes: (path) => readFileSync(path),
  list: (path) => readdirSync(path),
  status(path, { follow = true } = {}) {
    const status = follow ? statSync(path) : lstatSync(path);
    return { kind: kindOf(status), mode: status.mode, sizeBytes: status.size };
  },
  readLink: (path) => readlinkSync(path),
  write: (path, data) => writeFileSync(path, data),
  makeDirectory: (path) => {
    mkdirSync(path);
  },
  remove: (path) => unlinkSync(path),
  removeDirectory: (path) => rmdirSync(path),
};
