// What every implementation of VolumeDriver does.

import type { Volume, VolumeDriver } from "@nacre/core/ports/volume-driver.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

export interface VolumeSubject {
  readonly driver: VolumeDriver;
  /** Options that the driver takes, and such as it does not. */
  readonly options: Volume["options"];
  readonly badOptions: Volume["options"];
  /** Everything that the driver may have made, to compare. */
  look(): unknown;
  dispose(): Promise<void>;
}

export function volumeDriverContract(name: string, make: () => Promise<VolumeSubject>): void {
  describe(`${name} as VolumeDriver`, () => {
    let subject: VolumeSubject;
    let volume: Volume;
    beforeEach(async () => {
      subject = await make();
      volume = { name: "data", options: subject.options };
    });
    afterEach(() => subject.dispose());

    it("has a name that --driver can take", () => {
      expect(subject.driver.name).toMatch(/^[a-z0-9][a-z0-9_.-]*$/);
    });

    it("takes its own options, and refuses others before anything is made", () => {
      const before = subject.look();
      subject.driver.check(subject.options);
      expect(() => subject.driver.check(subject.badOptions)).toThrow(
        expect.objectContaining({ kind: "invalid" }),
      );
      expect(subject.look()).toEqual(before);
    });

    it("plans the same for the same volume, and another place for another one", () => {
      const plan = subject.driver.plan(volume);
      expect(subject.driver.plan(volume)).toEqual(plan);
      expect(plan.path).toMatch(/^\//);
      for (const { op } of plan.host) expect(op).toMatch(/^[a-z][A-Za-z]+$/);
      if (plan.fillable) {
        expect(plan.host).toEqual([]);
        expect(subject.driver.plan({ ...volume, name: "other" }).path).not.toBe(plan.path);
      }
    });

    it("makes a volume as often as it is asked, and loses nothing of it", async () => {
      await subject.driver.make(volume);
      const made = subject.look();
      await subject.driver.make(volume);
      expect(subject.look()).toEqual(made);
    });

    it("leaves nothing of a volume that is removed, however often", async () => {
      const other = { ...volume, name: "other" };
      await subject.driver.make(other);
      const before = subject.look();
      await subject.driver.make(volume);
      expect([...subject.driver.list()].sort()).toEqual(["data", "other"]);
      await subject.driver.remove(volume);
      expect(subject.driver.list()).toEqual(["other"]);
      expect(subject.look()).toEqual(before);
      await subject.driver.remove(volume);
      await subject.driver.remove({ ...volume, name: "never-made" });
      expect(subject.look()).toEqual(before);
    });
  });
}
