// xz, which Node has not: XZ Embedded as WebAssembly, loaded when an archive comes that needs it.

import { NacreError } from "@nacre/core/error.ts";

/** What xz files hold. NacreError `corrupt`, also for one that is cut, or is followed by something else. */
export async function* unpackXz(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { XzReadableStream } = await import("xz-decompress");
  const chunks = source[Symbol.asyncIterator]();
  let failure: { readonly error: unknown } | undefined;
  const compressed = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await chunks.next();
          if (done) controller.close();
          else controller.enqueue(Uint8Array.from(value));
        } catch (error) {
          failure = { error };
          controller.error(error);
        }
      },
    },
    { highWaterMark: 0 },
  );
  const reader = new XzReadableStream(compressed).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (value.length > 0) yield value;
    }
    // Zeros may fill a stream up (xz file format, section 2.2).
    for await (const rest of { [Symbol.asyncIterator]: () => chunks }) {
      if (rest.some((byte) => byte !== 0)) throw new Error("other bytes follow the end");
    }
  } catch (cause) {
    if (failure) throw failure.error;
    throw new NacreError("corrupt", "the xz stream is damaged or cut", { cause });
  } finally {
    await reader.cancel().catch(() => {});
    await chunks.return?.();
  }
}
