// Instantiates the bytes of core.wasm that it is handed. The typed facades (reference.ts,
// digest.ts, layers.ts, …) take a Core and hide the boundary: across it go bytes and integers,
// one call an operation.
//
// A Core is an arena: nothing inside it is ever freed, so long-lived hosts make one for a job
// (`fork()`, 0.1 ms) and let it go afterwards.

/** The raw exports. Each facade narrows them to the functions it calls. */
export type CoreExports = { readonly memory: { readonly buffer: ArrayBuffer } } & Readonly<
  Record<string, (...args: number[]) => number>
>;

export class Core {
  readonly exports: CoreExports;
  readonly #module: WebAssembly.Module | undefined;

  /** `exports` may also be the JavaScript build of the same sources, which cannot fork. */
  constructor(exports: CoreExports, module?: WebAssembly.Module) {
    this.exports = exports;
    this.#module = module;
  }

  static fromBytes(bytes: Uint8Array<ArrayBuffer>): Core {
    return Core.fromModule(new WebAssembly.Module(bytes));
  }

  static fromModule(module: WebAssembly.Module): Core {
    const instance = new WebAssembly.Instance(module, {});
    return new Core(instance.exports as unknown as CoreExports, module);
  }

  /** A fresh arena over the same compiled code. */
  fork(): Core {
    return this.#module ? Core.fromModule(this.#module) : this;
  }

  /** A view of `size` bytes at `pointer`; valid until the next call that allocates. */
  view(pointer: number, size: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.exports.memory.buffer, pointer, size);
  }
}
