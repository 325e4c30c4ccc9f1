import { describe, expect, it } from "vitest";
import { layeringFault } from "./layering.ts";
import { parse, report, SOURCES } from "./source-tree.ts";

function fault(path: string, text: string): string {
  const source = parse(path, text);
  return source.imports.map((item) => layeringFault(source, item) ?? "fine").join("; ");
}

describe("who imports whom", () => {
  it("keeps every import within its room's rights", () => {
    const offences = SOURCES.flatMap((source) =>
      source.imports.flatMap((item) => {
        const message = layeringFault(source, item);
        return message === undefined ? [] : [{ path: source.path, line: item.line, message }];
      }),
    );
    expect(report(offences)).toBe("");
  });
});

describe("the layering rules themselves", () => {
  it("refuse Node and npm in the core, also by import(), export from and type queries", () => {
    expect(fault("core/x.ts", 'import "node:fs";')).toMatch(/use a port/);
    expect(fault("core/x.ts", 'const f = await import("node:fs");')).toMatch(/use a port/);
    expect(fault("core/x.ts", 'export * from "rxjs";')).toMatch(/nothing from npm/);
    expect(fault("core/x.ts", 'type T = import("undici").Agent;')).toMatch(/nothing from npm/);
  });
  it("refuse a backend to another backend and to the engine", () => {
    expect(fault("backends/linux/x.ts", 'import "@nacre/simulated/package.json";')).toMatch(/core/);
    expect(fault("backends/linux/x.ts", 'import "../../engine/engine.ts";')).toMatch(/core only/);
  });
  it("let a plugin reach the ports and the engine's public entry alone", () => {
    expect(fault("plugins/registry/x.ts", 'import "@nacre/core/ports/files.ts";')).toBe("fine");
    expect(fault("plugins/registry/x.ts", 'import "../../engine/engine.ts";')).toBe("fine");
    expect(fault("plugins/registry/x.ts", 'import "../../engine/event-bus.ts";')).toMatch(/plugin/);
  });
  it("see inversify in a module only, rxjs in the bus and its subscribers", () => {
    expect(fault("engine/module.ts", 'import "inversify";')).toBe("fine");
    expect(fault("engine/images.ts", 'import "inversify";')).toMatch(/constructor/);
    expect(fault("engine/images.ts", 'import { map } from "rxjs";')).toMatch(/event bus/);
    expect(fault("engine/images.ts", 'import type { Observable } from "rxjs";')).toBe("fine");
  });
  it("read no import out of a comment or a string", () => {
    expect(fault("core/x.ts", '// import "node:fs"\nconst s = "import(\'node:fs\')";')).toBe("");
  });
});
