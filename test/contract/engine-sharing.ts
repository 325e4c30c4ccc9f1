// What an engine gives to others and takes from them, on whatever kernel: part of engineContract.

import { expect, it } from "vitest";
import { type Bench, refusal } from "./engine.ts";

export function sharingCases(bench: () => Bench): void {
  const names = (path: string) => `${bench().subject.registry}/${path}`;

  it("pushes an image that others pull under the same digest, and that runs", async () => {
    const { images } = bench().subject.engine;
    const { image } = images.get(bench().subject.image);
    const name = images.tag(bench().subject.image, names("pushed/app:1"));
    const pushed = await images.push(name);
    expect(pushed).toMatchObject({ reference: name, digest: image.manifestDigest });
    await images.remove(name);
    const pulled = await images.pull(name);
    expect(pulled).toMatchObject({ digest: image.manifestDigest, image: { id: image.id } });
    const { digest } = await images.push(name, { compression: "zstd" });
    expect(digest).not.toBe(image.manifestDigest);
    await images.remove(name);
    expect((await images.pull(name)).image.id).toBe(image.id);
    expect((await bench().sh("echo runs", { image: name })).stdout).toBe("runs\n");
    await images.remove(name);
  });

  it("refuses to push what is not here, and to nowhere", async () => {
    const { images } = bench().subject.engine;
    expect((await refusal(images.push("nobody/app"))).kind).toBe("not-found");
    const { id } = images.get(bench().subject.image).image;
    expect((await refusal(images.push(id))).kind).toBe("invalid");
  });
}
