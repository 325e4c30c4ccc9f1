// How the command line's bundles come to each other. They are CommonJS, and ask for one another at
// their beginning, whether the command that is called will need it or not. So what is not there yet
// is stood for by an object, and loaded when one of its members is first asked for; the same goes
// for some modules of Node. It works because bundled imports are member accesses, and is of use as
// long as none of them stands where a bundle begins: test/cli/lazy-loading.test.ts knows what a
// command may read.

import { constants, Script } from "node:vm";

/** A bundle as it was compiled: the function that makes it a module. */
export type BundleFunction = (
  exports: unknown,
  require: (id: string) => unknown,
  module: { exports: unknown },
  filename: string,
  dirname: string,
) => void;

/** A bundle, which the build has left nothing but ASCII in; `cachedData`: V8's code for it, if there is some. */
export function bundleScript(path: string, source: string, cachedData?: Buffer): Script {
  return new Script(source, {
    filename: path,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(cachedData && { cachedData }),
  });
}

export interface BundleLoaderOptions {
  readonly directory: string;
  readonly compile: (path: string) => BundleFunction;
  /** For what is no bundle. */
  readonly require: (id: string) => unknown;
  /** Those that need not be read. */
  readonly known?: Readonly<Record<string, BundleFunction>>;
}

/** Returns what runs the first of them. */
export function bundleLoader({ directory, compile, require, known = {} }: BundleLoaderOptions) {
  const modules: Record<string, { exports: unknown }> = Object.create(null);
  const load = (id: string): unknown => {
    const loaded = modules[id];
    if (loaded !== undefined) return loaded.exports;
    const module = { exports: {} };
    modules[id] = module;
    const path = directory + id.slice(1);
    const run = known[id] ?? compile(path);
    run.call(module.exports, module.exports, ask, module, path, directory);
    return module.exports;
  };
  const ask = (id: string): unknown => {
    if (id.startsWith("./")) return modules[id]?.exports ?? whenUsed(() => load(id));
    return COSTLY.has(id) ? whenUsed(() => require(id)) : require(id);
  };
  return load;
}

/** Modules of Node that take milliseconds to load, and that most commands never touch. */
export const COSTLY: ReadonlySet<string> = new Set(
  [
    ...["child_process", "crypto", "zlib", "http", "https", "net", "tls", "stream", "tty"],
    ...["module", "os"],
  ].map((name) => `node:${name}`),
);

/** Stands for a module until one of its members is asked for. */
function whenUsed(load: () => unknown): unknown {
  let loaded: object | undefined;
  const module = (): object => {
    loaded ??= load() as object;
    return loaded;
  };
  return new Proxy(Object.create(null), {
    get: (_, name) => Reflect.get(module(), name),
    has: (_, name) => Reflect.has(module(), name),
    ownKeys: () => Reflect.ownKeys(module()),
    getOwnPropertyDescriptor: (_, name) => {
      const found = Reflect.getOwnPropertyDescriptor(module(), name);
      return found && { ...found, configurable: true };
    },
  });
}
