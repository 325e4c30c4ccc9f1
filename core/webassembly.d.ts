// The part of the WebAssembly JavaScript interface that core.ts uses. TypeScript keeps these
// types in its `dom` library, which would bring a browser's globals into every file.
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>);
  }
  class Instance {
    constructor(module: Module, imports: object);
    readonly exports: Record<string, unknown>;
  }
}
