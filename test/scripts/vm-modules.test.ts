import { describe, expect, it } from "vitest";
import { loadOrder } from "../../scripts/vm/initramfs.ts";

describe("a guest's modules", () => {
  const text = [
    "kernel/fs/9p/9p.ko.xz: kernel/net/9p/9pnet.ko.xz kernel/fs/netfs/netfs.ko.xz",
    "kernel/net/9p/9pnet.ko.xz: kernel/fs/netfs/netfs.ko.xz",
    "kernel/fs/netfs/netfs.ko.xz:",
    "kernel/drivers/char/hw_random/virtio-rng.ko.xz:",
    "",
  ].join("\n");

  it("are loaded after what they need, each once", () => {
    expect(loadOrder(text, ["9p", "virtio_rng"])).toEqual([
      "kernel/fs/netfs/netfs.ko.xz",
      "kernel/net/9p/9pnet.ko.xz",
      "kernel/fs/9p/9p.ko.xz",
      "kernel/drivers/char/hw_random/virtio-rng.ko.xz",
    ]);
  });

  it("are left out where the kernel has them built in", () => {
    expect(loadOrder(text, ["virtio_pci"])).toEqual([]);
  });
});
