import { expect, it } from "vitest";
import { ExploreView } from "../../../cli/explore-view.ts";
import { FakeEngine } from "../fake-engine.ts";
import { nacre } from "../fake-host.ts";

const ESCAPES = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");
const plain = (lines: readonly string[]) => lines.map((line) => line.replaceAll(ESCAPES, ""));

async function view(): Promise<ExploreView> {
  return new ExploreView(await new FakeEngine().images.explore("x"));
}

it("prints a line for each layer into a pipe, and JSON where asked", async () => {
  const engine = new FakeEngine();
  const { out } = await nacre(["image", "explore", "x"], { engine });
  expect(out).toBe(
    [
      "LAYER     SIZE      ADDED     CHANGED   DELETED   HIDDEN    CREATED BY",
      "1         4.1kB     3         0         0         1kB       COPY . /",
      "2         4.1kB     1         0         1         0B        RUN rm /etc/a",
      "Hidden in all: 1kB",
      "",
    ].join("\n"),
  );
  const json = await nacre(["image", "explore", "--json", "x"], { engine });
  expect(JSON.parse(json.out).layers[0].changes).toHaveLength(3);
});

it("shows the last layer first, with what it deleted, and nothing that a terminal obeys", async () => {
  const lines = plain((await view()).lines(20, 70));
  expect(lines[0]).toBe("  1  4.1kB, 1kB hidden        COPY . /");
  expect(lines[1]).toMatch(/^ {2}2 {2}4\.1kB +RUN rm \/etc\/a$/);
  expect(lines[2]).toBe("── layer 2 · 1kB hidden in all");
  expect(lines.slice(3, 6)).toEqual([
    "           ▾ etc",
    "-              a",
    expect.stringMatching(/^\+ +5B +new/),
  ]);
  expect(lines.join("")).not.toContain("\u001b");
});

it("moves, folds, goes from layer to layer, and ends", async () => {
  const explore = await view();
  const keys = (...all: string[]) => all.map((key) => explore.key(key));
  expect(keys("shift+tab")).toEqual([true]);
  expect(plain(explore.lines(20, 70)).slice(2)).toEqual([
    "── layer 1 · 1kB hidden in all",
    "+          ▾ etc",
    "+      1kB     a (hidden by layer 2)",
    "+      10B     b",
    "↑↓ move · ←→ fold · tab layer · a all · q quit",
  ]);
  keys("left");
  expect(plain(explore.lines(20, 70))[3]).toBe("+          ▸ etc");
  keys("right", "a", "tab");
  const all = plain(explore.lines(20, 70));
  expect(all[2]).toContain("all layers up to 2");
  expect(all).toContain("  2 -              a");
  expect(all).toContain("  1 +      10B     b");
  keys("down", "pagedown", "end");
  expect(explore.lines(7, 70)).toHaveLength(6);
  expect(keys("home")).toEqual([true]);
  expect(plain(explore.lines(7, 70))[3]).toContain("etc");
  expect(keys("x", "q")).toEqual([true, false]);
});

it("counts columns as a terminal does, not characters", async () => {
  const image = await new FakeEngine().images.explore("x");
  const [first] = image.layers;
  const wide = { ...first!.changes[1]!, path: `/${"\u6f22".repeat(40)}` };
  const lines = plain(
    new ExploreView({ ...image, layers: [{ ...first!, changes: [wide] }] }).lines(20, 41),
  );
  const line = lines.find((one) => one.includes("\u6f22"))!;
  // Thirteen before the name, and a mark that something is cut.
  expect(line.replaceAll("\u6f22", "xx").length).toBeLessThanOrEqual(41);
  expect(line.endsWith("…")).toBe(true);
});

it.each([
  ["arrow keys as most terminals send them", "\u001b[A\u001b[B"],
  ["arrow keys of the application mode", "\u001bOA\u001bOB"],
])("reads %s, and q in one go with them", async (_, keys) => {
  const engine = new FakeEngine();
  const { code } = await nacre(["image", "explore", "x"], {
    ...{ engine, terminals: [0, 1], input: `${keys}q` },
  });
  expect(code).toBe(0);
});

it("leaves the terminal as it was", async () => {
  const engine = new FakeEngine();
  const { out, host, code } = await nacre(["image", "explore", "x"], {
    ...{ engine, terminals: [0, 1], input: "jq" },
  });
  expect(code).toBe(0);
  expect(out.startsWith("\u001b[?1049h")).toBe(true);
  expect(out.endsWith("\u001b[?25h\u001b[?1049l")).toBe(true);
  expect(host.input).toEqual(["raw", "given back"]);
});
