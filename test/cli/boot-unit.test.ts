import { describe, expect, it } from "vitest";
import { unit } from "../../cli/commands/boot-unit.ts";
import { FakeEngine } from "./fake-engine.ts";
import { nacre } from "./fake-host.ts";

describe("the unit for systemd", () => {
  it("starts what starts with the machine, by the words of a path that need be quoted", () => {
    const text = unit("/opt/na cre/bin/nacre", '/var/100%"$x');
    expect(text).toContain(
      'ExecStart="/opt/na cre/bin/nacre" --root "/var/100%%\\"$$x" system boot',
    );
    expect(text).toMatch(/^Type=oneshot$/m);
    expect(text).toMatch(/^WantedBy=multi-user.target$/m);
  });

  it("is one of the user's own for who is not root", () => {
    const text = unit("/opt/nacre/bin/nacre", "/home/me/.local/share/nacre", true);
    expect(text).toMatch(/^WantedBy=default.target$/m);
    expect(text).not.toContain("network-online.target");
  });

  it("is printed for this root, and names what it started", async () => {
    const { out } = await nacre(["--root", "/srv/nacre", "system", "boot-unit"], {});
    expect(out).toContain('--root "/srv/nacre" system boot');
    expect((await nacre(["system", "boot"], { engine: new FakeEngine() })).out).toBe("web\n");
  });
});
