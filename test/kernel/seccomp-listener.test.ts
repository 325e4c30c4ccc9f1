// Who decides on the calls that a filter leaves open: it is told of the container before that runs.
// Node takes no descriptors from a socket, so the filter's is closed with the message, and Linux
// answers in its place: ENOSYS.

import { closeSync, openSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { becomeProcess, listenerOperations } from "@nacre/core/program/become.ts";
import { DEFAULT_CAPABILITIES } from "@nacre/core/program/capabilities.ts";
import { filterOf } from "@nacre/core/seccomp/for-container.ts";
import { describe, expect, it } from "vitest";
import { container, enter, kernel, makeRoot, scratch } from "./native.ts";

const powers = {
  bounding: DEFAULT_CAPABILITIES,
  effective: DEFAULT_CAPABILITIES,
  permitted: DEFAULT_CAPABILITIES,
  inheritable: [],
  ambient: [],
};

async function isTold(more: readonly number[]): Promise<void> {
  using directory = scratch();
  const root = makeRoot(join(directory.path, "root"));
  const path = join(directory.path, "agent");
  const heard = Promise.withResolvers<string>();
  const server = createServer((socket) => {
    socket.once("data", (bytes) => heard.resolve(bytes.toString()));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const filter = filterOf(
    {
      defaultAction: "SCMP_ACT_ALLOW",
      listenerPath: path,
      listenerMetadata: "what it is for",
      syscalls: [{ names: ["sethostname"], action: "SCMP_ACT_NOTIFY" }],
    },
    kernel().facts().architecture,
    { id: "mine", bundle: "/b" },
  );
  const process = {
    ...{ terminal: false, user: { uid: 0, gid: 0, additionalGids: [] }, cwd: "/" },
    ...{ args: ["/bin/hostname", "x"], env: [], capabilities: powers, noNewPrivileges: false },
  };
  try {
    const program = container({
      host: listenerOperations(filter),
      child: [...enter(root), ...becomeProcess(process, { filter })],
      supervision: { descriptors: more.length },
    });
    const streams = { stdin: "ignore", stdout: "ignore", stderr: "pipe", more } as const;
    const running = await kernel().execute(program, streams);
    const state = JSON.parse(await heard.promise);
    expect(state).toMatchObject({
      ...{ fds: ["seccompFd"], pid: running.process.pid, metadata: "what it is for" },
      state: { id: "mine", bundle: "/b", status: "creating", pid: running.process.pid },
    });
    const said = new Response(running.stderr as ReadableStream<Uint8Array<ArrayBuffer>>).text();
    expect(await said).toContain("not implemented");
    expect((await running.exited).code).toBe(1);
  } finally {
    server.close();
  }
}

describe("a listener", () => {
  it("is told of the container, with its pid, before the program runs", async () => {
    await isTold([]);
  });

  it("is told of one whose process gets further descriptors", async () => {
    using directory = scratch();
    const path = join(directory.path, "given");
    writeFileSync(path, "given");
    const given = openSync(path, "r");
    try {
      await isTold([given, given, given]);
    } finally {
      closeSync(given);
    }
  });
});
