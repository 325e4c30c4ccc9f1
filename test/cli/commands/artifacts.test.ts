import { expect, it } from "vitest";
import { FakeEngine } from "../fake-engine.ts";
import { nacre } from "../fake-host.ts";

it("makes, sends, lists, shows and removes artifacts", async () => {
  const engine = new FakeEngine();
  const run = async (...words: string[]) =>
    (await nacre(words, { engine, files: { "d/f.txt": "x" } })).out;
  const digest = `sha256:${"c1".repeat(32)}\n`;
  expect(await run("artifact", "add", "--type", "a/b", "r.example/a:1", "d/f.txt")).toBe(digest);
  expect(await run("artifact", "push", "r.example/a:1")).toBe(digest);
  expect(await run("artifact", "pull", "r.example/a:1")).toBe(digest);
  expect(await run("artifact", "ls")).toBe(
    "NAME            TYPE      DIGEST         SIZE\nr.example/a:1   t         c1c1c1c1c1c1   5B\n",
  );
  expect(await run("artifact", "ls", "-q")).toBe("r.example/a:1\n");
  expect(JSON.parse(await run("artifact", "inspect", "x")).files[0].name).toBe("f.txt");
  expect(await run("artifact", "rm", "a", "b")).toBe("a\nb\n");
  expect(await run("image", "referrers", "x")).toContain("signature   by=ada\n");
  expect(engine.calls.map(([name]) => name)).toEqual([
    ...["artifact add", "artifact push", "artifact pull", "artifact rm", "artifact rm"],
  ]);
});
