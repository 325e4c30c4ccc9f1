// What a supervisor calls when its container has ended.

import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { GlobalOptions } from "../../../cli/command.ts";
import { createEngine } from "../../../cli/composition.ts";
import { main } from "../../../cli/main.ts";
import { temporaryDirectory } from "../../contract/temporary.ts";
import { FakeEngine } from "../fake-engine.ts";
import { FakeHost, nacre } from "../fake-host.ts";

/** Whose root goes after it was last looked for. */
class HostOfDeletedRoot extends FakeHost {
  #looks = 0;

  override exists(): boolean {
    this.#looks += 1;
    return this.#looks === 1;
  }
  override createEngine(options: GlobalOptions) {
    this.made = options;
    return createEngine({ ...options, environment: {} });
  }
}

describe.each(["settle", "health"])("%s", (command) => {
  it("acts on the container, in a root that is there", async () => {
    const engine = new FakeEngine();
    const { code, host } = await nacre(["--root", "/state", command, "web"], { engine });
    expect(code).toBe(0);
    expect(host.made).toMatchObject({ root: "/state", existingRoot: true });
    expect(engine.calls.at(-1)?.slice(0, 2)).toEqual([expect.any(String), "web"]);
  });

  it("does nothing where the root is gone", async () => {
    const { code, host, err } = await nacre(["--root", "/state", command, "web"], {
      absent: ["/state"],
    });
    expect({ code, err, made: host.made }).toEqual({ code: 0, err: "", made: undefined });
  });

  it("does not make a root anew that is deleted meanwhile", async () => {
    const root = `${temporaryDirectory()}/state`;
    const host = new HostOfDeletedRoot();
    expect(await main(["--root", root, command, "web"], host)).toBe(0);
    expect(host.made?.root).toBe(root);
    expect(host.err).toBe("");
    expect(existsSync(root)).toBe(false);
  });

  it("says what fails where the root is there", async () => {
    const { code, err } = await nacre(["--root", "/state", command, "web"]);
    expect(code).toBe(1);
    expect(err).toContain("this test has no engine");
  });
});
