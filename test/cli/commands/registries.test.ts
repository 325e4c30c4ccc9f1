import { describe, expect, it } from "vitest";
import { FakeEngine } from "../fake-engine.ts";
import { nacre } from "../fake-host.ts";

describe("login", () => {
  const ada = (password: string) => ({ kind: "password", username: "ada", password });

  it("takes the password from standard input, without its line break", async () => {
    const engine = new FakeEngine();
    const words = ["login", "-u", "ada", "--password-stdin", "r.example"];
    const { out, err, code } = await nacre(words, { engine, input: "open sesame\n" });
    expect(engine.calls).toEqual([
      ["login", "r.example", expect.objectContaining({ credential: ada("open sesame") })],
    ]);
    expect({ out, code }).toEqual({ out: "Login Succeeded\n", code: 0 });
    expect(err).toContain("stored unencrypted in /home/ada/.docker/config.json");
    expect(out + err).not.toContain("sesame");
  });

  it("asks for it at a terminal that does not show it", async () => {
    const engine = new FakeEngine();
    const { out, err } = await nacre(["login", "-u", "ada"], {
      ...{ engine, input: "x", terminals: [0] },
    });
    expect(engine.calls[0]).toMatchObject(["login", undefined, { credential: ada("secret x") }]);
    expect(err).toMatch(/^Password: \n/);
    expect(out).toBe("Login Succeeded\n");
  });

  it("tries what is kept where no user is named", async () => {
    const engine = new FakeEngine();
    const { out } = await nacre(["login", "r.example"], { engine });
    expect(out).toBe("Authenticating with existing credentials...\nLogin Succeeded\n");
  });

  it.each([
    [["-u", "ada", "-p", "x", "--password-stdin"], "mutually exclusive"],
    [["--password-stdin"], "needs --username"],
    [["-u", "ada"], "Use --password-stdin"],
    [["-u", "ada", "--password-stdin"], "is empty"],
  ])("refuses %s", async (words, message) => {
    const { code, err } = await nacre(["login", ...words], { engine: new FakeEngine() });
    expect(code).toBe(1);
    expect(err).toContain(message);
  });
});

it("logs out of one registry, and of all", async () => {
  const engine = new FakeEngine();
  const one = await nacre(["logout", "unknown"], { engine });
  expect(one.out).toBe("Not logged in to unknown\n");
  const all = await nacre(["logout", "-a"], { engine });
  expect(all.out).toBe(
    "Removing login credentials for docker.io\nRemoving login credentials for r.example\n",
  );
});

describe("search", () => {
  it("prints docker's table", async () => {
    const { out } = await nacre(["search", "debian"], { engine: new FakeEngine() });
    expect(out).toBe(
      [
        "NAME         DESCRIPTION                                     STARS     OFFICIAL",
        `debian       ${"d".repeat(44)}…   5         [OK]`,
        "ada/debian                                                   0         ",
        "",
      ].join("\n"),
    );
  });

  it("filters, limits, and lists tags", async () => {
    const engine = new FakeEngine();
    const words = ["--filter", "is-official=true", "--filter", "stars=3", "--limit", "7"];
    const { out } = await nacre(["search", ...words, "--format", "{{.Name}}", "debian"], {
      engine,
    });
    expect(out).toBe("debian\n");
    expect(engine.calls[0]).toMatchObject(["search", "debian", { limit: 7 }]);
    const tags = await nacre(["search", "--list-tags", "--format", "{{.Tag}}", "x/y"], { engine });
    expect(tags.out).toBe("1\n2\n");
    expect((await nacre(["search", "--limit", "0", "x"], { engine })).code).toBe(125);
  });
});
