// Which operations a message has, and where: `child setUser`, `host inverse removeFile`.

import { operationOf } from "@nacre/core/program/wire.ts";

const HEADER_BYTES = 12;
/** What there is of a process before its sections. */
const SUPERVISION_ARGUMENTS = 17;

/** `message`: a valid one. */
export function reached(message: Buffer): string[] {
  let at = HEADER_BYTES;
  const found: string[] = [];
  const argument = (): void => {
    at += 4 + message.readUInt32LE(at);
  };
  const operation = (place: string): void => {
    const [code, count, mark] = [message.readUInt16LE(at), message[at + 2]!, message[at + 3]!];
    at += 4;
    found.push(`${mark === 2 ? "outside" : place} ${operationOf(code)}`);
    for (let i = 0; i < count; i++) argument();
    if (mark === 1) operation(`${place} inverse`);
  };
  const section = (place: string): void => {
    let count = message.readUInt32LE(at);
    for (at += 4; count > 0; count--) operation(place);
  };
  const hasProcess = message[at++] === 1;
  for (let i = 0; hasProcess && i < SUPERVISION_ARGUMENTS; i++) argument();
  section("host");
  if (hasProcess) for (const place of ["parent", "child"]) section(place);
  return found;
}
