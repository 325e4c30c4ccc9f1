import { NacreError } from "@nacre/core/error.ts";
import { asAsked, noSuchContainer } from "@nacre/engine/containers/no-such-container.ts";
import { describe, expect, it } from "vitest";

const ID = "23f94e034c88".padEnd(64, "0");

const failing = (error: unknown) => asAsked("prize", ID, () => Promise.reject(error));

describe("a container that somebody removes after it was found", () => {
  it("is named as the caller named it", async () => {
    await expect(failing(noSuchContainer(ID.slice(0, 12)))).rejects.toMatchObject({
      kind: "not-found",
      message: "no such container: prize",
      advice: expect.stringContaining("nacre ps -a"),
    });
  });

  it("leaves what else is missing or wrong as it is", async () => {
    const other = noSuchContainer("0123456789ab");
    await expect(failing(other)).rejects.toBe(other);
    const conflict = new NacreError("conflict", noSuchContainer(ID.slice(0, 12)).message);
    await expect(failing(conflict)).rejects.toBe(conflict);
    await expect(failing("thrown")).rejects.toBe("thrown");
  });

  it("gives back what was done", async () => {
    await expect(asAsked("prize", ID, () => Promise.resolve(3))).resolves.toBe(3);
  });
});
