import { chmodSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NacreError } from "@nacre/core/error.ts";
import { LinuxFiles } from "@nacre/linux/files.ts";
import { describe, expect, it } from "vitest";
import { install, loaderOf, PROVIDES_QUIET, project, wish } from "./package.ts";

describe("plugins", () => {
  it("are found as npm packages from where they were named, or by a path", () => {
    const base = project();
    const scoped = install(base, { name: "@team/quiet" });
    const byName = loaderOf([wish("@team/quiet", base)]).list();
    expect(byName).toMatchObject([
      {
        manifest: { name: "@team/quiet", version: "1.2.3" },
        directory: scoped,
        origin: "--plugin",
      },
    ]);
    expect(loaderOf([wish("./node_modules/@team/quiet", base)]).list()).toEqual(byName);
    expect(loaderOf([wish(scoped, "/")]).list()).toEqual(byName);
  });

  it("are one if they are named twice", () => {
    const base = project();
    const directory = install(base);
    const wishes = [wish("nacre-plugin-quiet", base), wish(directory, "/")];
    expect(loaderOf(wishes).list()).toHaveLength(1);
  });

  it("are refused where nothing is installed, or the name is none", () => {
    const base = project();
    const listed = (wanted: string) => () => loaderOf([wish(wanted, base)]).list();
    expect(listed("absent")).toThrow("plugin absent (--plugin) is not installed");
    expect(listed("./absent")).toThrow("plugin ./absent (--plugin) is not installed");
    expect(listed("a/../../b")).toThrow("names no npm package");
  });

  it("are listed and chosen from without being loaded", async () => {
    const base = project();
    install(base, { source: "throw new Error('loaded');" });
    const loader = loaderOf([wish("nacre-plugin-quiet", base)]);
    expect(loader.names("NetworkDriver")).toEqual(["quiet"]);
    expect(loader.names("Runtime")).toEqual([]);
    expect(await loader.find("NetworkDriver", "loud")).toBeUndefined();
    await expect(loader.find("NetworkDriver", "quiet")).rejects.toMatchObject({
      kind: "plugin",
      message: expect.stringMatching(/^plugin nacre-plugin-quiet 1\.2\.3 \(.*: loaded$/),
    });
  });

  it("give what they bind by name, made from the ports they ask for", async () => {
    const base = project();
    install(base, {
      source: `
        export default ({ bind, ports }) => {
          bind(ports.NetworkDriver)
            .toResolvedValue((files) => ({ name: "quiet", plan: () => files.readText("/proc/sys/kernel/ostype") }), [ports.Files])
            .whenNamed("quiet");
        };`,
    });
    const files = new LinuxFiles();
    const loader = loaderOf([wish("nacre-plugin-quiet", base)], () => files as never);
    const found = await loader.find("NetworkDriver", "quiet");
    expect(found?.name).toBe("quiet");
    expect(found?.plan("id")).toBe("Linux\n");
  });

  it("choose a runtime by an image's platform", () => {
    const base = project();
    const provides = { Runtime: { lua: { platforms: ["lua/any"] } } };
    install(base, { nacre: { apiVersion: 1, module: "./plugin.js", provides } });
    const loader = loaderOf([wish("nacre-plugin-quiet", base)]);
    expect(loader.runtimeFor("lua/any")).toBe("lua");
    expect(loader.runtimeFor("linux/amd64")).toBeUndefined();
  });
});

describe("a name that is given twice", () => {
  it("is refused, naming both packages and where they are", () => {
    const base = project();
    const directories = ["one", "two"].map((name) => install(base, { name }));
    const list = () => loaderOf(["one", "two"].map((name) => wish(name, base))).list();
    expect(list).toThrow(
      expect.objectContaining({
        kind: "invalid",
        message: `plugin one 1.2.3 (${directories[0]}) and plugin two 1.2.3 (${directories[1]}) both provide the NetworkDriver quiet`,
        advice: "Leave one of them out of --plugin, NACRE_PLUGINS or plugins.json.",
      }),
    );
  });

  it("is refused where Nacre has it itself", () => {
    const base = project();
    const provides = { NetworkDriver: { host: {} } };
    install(base, { nacre: { apiVersion: 1, module: "./plugin.js", provides } });
    const list = () => loaderOf([wish("nacre-plugin-quiet", base)]).list();
    expect(list).toThrow("provides the NetworkDriver host, which Nacre has itself");
  });

  it("is refused for two versions of one package, and for one platform", () => {
    const [base, other] = [project(), project()];
    const wishes = [base, other].map((each) => wish(install(each), "/"));
    expect(() => loaderOf(wishes).list()).toThrow("both are one package");
    const runtime = (name: string) => ({
      apiVersion: 1,
      module: "./plugin.js",
      provides: { Runtime: { [name]: { platforms: ["lua/any"] } } },
    });
    install(base, { name: "a", nacre: runtime("a") });
    install(base, { name: "b", nacre: runtime("b") });
    const both = () => loaderOf([wish("a", base), wish("b", base)]).list();
    expect(both).toThrow("both execute images of lua/any");
  });
});

describe("a plugin's module", () => {
  const find = (source: string) => {
    const base = project();
    install(base, { source });
    return loaderOf([wish("nacre-plugin-quiet", base)]).find("NetworkDriver", "quiet");
  };

  it.each([
    ["export const x = 1;", "has no default export that is a function"],
    ["export default () => { throw new Error('no'); };", "it failed while it was loaded: no"],
    ["export default () => {};", "promises the NetworkDriver quiet, its module binds none"],
    ["syntax error", "its module cannot be loaded"],
    [
      "export default ({ bind, ports }) => { bind(ports.Kernel).toConstantValue({}); };",
      "it binds Kernel, which its manifest does not promise",
    ],
    [
      "export default ({ bind, ports }) => { bind(ports.NetworkDriver).toConstantValue({ name: 'quiet' }).whenNamed('quiet'); };",
      "the NetworkDriver quiet has no method plan",
    ],
    [
      "export default ({ bind, ports }) => { bind(ports.NetworkDriver).toConstantValue({ name: 'loud', plan() {} }).whenNamed('quiet'); };",
      "calls itself loud",
    ],
  ])("is refused as %s", async (source, why) => {
    await expect(find(source)).rejects.toMatchObject({
      kind: "plugin",
      message: expect.stringContaining(why),
    });
  });

  const withPlan = (plan: string) => `
    export default ({ bind, ports, NacreError }) => {
      bind(ports.NetworkDriver).toResolvedValue(() => ({ name: "quiet", plan() { ${plan} } }), []).whenNamed("quiet");
    };`;

  it("fails with the plugin's name", async () => {
    const found = await find(withPlan("throw new TypeError('a defect');"));
    expect(() => found?.plan("id")).toThrow(
      expect.objectContaining({ kind: "plugin", message: "plugin nacre-plugin-quiet: a defect" }),
    );
  });

  it("keeps the kind and advice of errors that the port promises", async () => {
    const found = await find(
      withPlan("throw new NacreError('unsupported', 'not here', { advice: 'Elsewhere.' });"),
    );
    expect(() => found?.plan("id")).toThrow(NacreError);
    expect(() => found?.plan("id")).toThrow(
      expect.objectContaining({ kind: "unsupported", advice: "Elsewhere." }),
    );
  });
});

describe("a plugin that others could change", () => {
  const found = (directory: string) =>
    loaderOf([wish(directory, "/")]).find("NetworkDriver", "quiet");

  it("is not loaded: written by others, or outside of its package", async () => {
    const directory = install(project());
    chmodSync(join(directory, "plugin.js"), 0o666);
    await expect(found(directory)).rejects.toMatchObject({
      kind: "denied",
      message: expect.stringContaining("can be written by others (mode 666)"),
    });
    const other = install(project());
    chmodSync(other, 0o777);
    await expect(found(other)).rejects.toMatchObject({ kind: "denied" });
  });

  it("is not loaded from outside of its package, also through a link", async () => {
    const base = project();
    writeFileSync(join(base, "elsewhere.js"), "");
    const nacre = { apiVersion: 1, provides: PROVIDES_QUIET };
    const climbing = install(base, { nacre: { ...nacre, module: "./../../elsewhere.js" } });
    await expect(found(climbing)).rejects.toThrow("is not in");
    const linked = install(base, { name: "linked", nacre: { ...nacre, module: "./link.js" } });
    symlinkSync(join(base, "elsewhere.js"), join(linked, "link.js"));
    await expect(found(linked)).rejects.toThrow("is not in");
    const missing = install(base, { name: "missing", nacre: { ...nacre, module: "./no.js" } });
    await expect(found(missing)).rejects.toThrow("is missing");
  });
});
