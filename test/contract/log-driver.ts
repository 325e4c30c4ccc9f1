// What every implementation of LogDriver does.

import type { LogDriver, LogLine } from "@nacre/core/ports/log-driver.ts";
import { beforeEach, describe, expect, it } from "vitest";

export interface LogSubject {
  readonly driver: LogDriver;
  /** Where a container's log will be; nothing is there yet. */
  readonly path: string;
  /** Appends what a supervisor writes, docker's json-file form. */
  readonly append: (text: string) => void;
}

const line = (text: string, stream = "stdout"): string =>
  `${JSON.stringify({ log: text, stream, time: "2026-01-02T03:04:05.678901234Z" })}\n`;

export function logDriverContract(name: string, makeSubject: () => LogSubject): void {
  describe(`${name} as LogDriver`, () => {
    let subject: LogSubject;
    beforeEach(() => {
      subject = makeSubject();
    });

    const read = (options: Partial<Parameters<LogDriver["read"]>[1]> = {}) =>
      subject.driver.read(subject.path, {
        containerId: "c",
        follow: false,
        signal: new AbortController().signal,
        ended: () => true,
        ...options,
      });
    const all = async (lines: AsyncIterable<LogLine | undefined>): Promise<LogLine[]> => {
      const found: LogLine[] = [];
      for await (const each of lines) if (each) found.push(each);
      return found;
    };

    it("has nothing to say of a log that is not there", async () => {
      expect(await all(read())).toEqual([]);
    });

    it("yields lines in their order, with stream and time", async () => {
      subject.append(line("one\n") + line("two\n", "stderr"));
      const [first, second, ...more] = await all(read());
      expect(first?.text).toContain("one");
      expect(first).toMatchObject({ stream: "stdout", time: "2026-01-02T03:04:05.678901234Z" });
      expect(first?.timeMs).toBe(Date.UTC(2026, 0, 2, 3, 4, 5, 678));
      expect(second?.text).toContain("two");
      expect(second?.stream).toBe("stderr");
      expect(more).toEqual([]);
    });

    it.each([false, true])(
      "tells once where those end that were there (follow: %s)",
      async (follow) => {
        subject.append(line("one\n") + line("two\n"));
        const controller = new AbortController();
        const found: (string | undefined)[] = [];
        for await (const each of read({ follow, ended: () => false, signal: controller.signal })) {
          found.push(each?.text);
          if (each === undefined) subject.append(line("three\n"));
          // So long that what should not come any more would have come.
          else if (found.length === 4) setTimeout(() => controller.abort(), 500);
        }
        expect(found.map((text) => text !== undefined)).toEqual(
          follow ? [true, true, false, true] : [true, true, false],
        );
      },
    );

    it("follows until nothing more will be written", async () => {
      subject.append(line("one\n"));
      let ended = false;
      const seen: string[] = [];
      for await (const each of read({ follow: true, ended: () => ended })) {
        if (!each) continue;
        seen.push(each.text);
        if (seen.length > 1) break;
        subject.append(line("two\n"));
        ended = true;
      }
      expect(seen).toHaveLength(2);
    });

    it("stops following when the signal aborts", async () => {
      subject.append(line("one\n"));
      const controller = new AbortController();
      const options = { follow: true, ended: () => false, signal: controller.signal };
      const seen: string[] = [];
      for await (const each of read(options)) {
        if (!each) continue;
        seen.push(each.text);
        controller.abort();
      }
      expect(seen).toHaveLength(1);
    });
  });
}
