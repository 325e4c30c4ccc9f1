// What the fake engine does with images that go to others: it notes the call and says something.

import type { EngineEvent, ImageSharing } from "@nacre/engine/engine.ts";
import { imageRecord } from "./fake-records.ts";

export interface FakeParts {
  readonly called: (name: string, ...given: unknown[]) => void;
  readonly emit: (event: EngineEvent) => void;
}

export function fakeSharing({ called, emit }: FakeParts): ImageSharing {
  const { manifestDigest: digest } = imageRecord();
  const reference = "docker.io/library/debian:latest";
  return {
    push: async (name, options) => {
      called("push", name, options);
      const layer = { reference, digest: `sha256:${"d1".repeat(32)}`, totalBytes: 100 };
      emit({ type: "upload", ...layer, phase: "waiting", sentBytes: 0 });
      emit({ type: "upload", ...layer, phase: "sending", sentBytes: 50 });
      emit({ type: "upload", ...layer, phase: "mounted", from: "team/app", sentBytes: 100 });
      return { reference, digest, sizeBytes: 428 };
    },
  };
}
