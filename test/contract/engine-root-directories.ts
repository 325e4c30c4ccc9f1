// Directories of the machine as roots of containers, on whatever kernel: part of fileCases.

import { expect, it } from "vitest";
import { type Bench, refusal } from "./engine.ts";

const LOOP = "while :; do sleep 0.05; done";

export function rootDirectoryCases(bench: () => Bench): void {
  const stateRoot = () => bench().subject.engine.system.info().root;
  const of = (overlay: boolean, more: object = {}) => ({
    ...{ image: "", rootDirectory: { path: bench().subject.scratch, overlay } },
    ...{ pull: "never" as const, ...more },
  });
  const sh = (script: string, overlay: boolean, more: object = {}) =>
    bench().sh(script, of(overlay, more));
  /** Puts a shell and a user into the directory, as root of a container that has it. */
  const fill = async (...more: string[]) => {
    const shown = { type: "bind", target: "/out", readOnly: false, recursive: true } as const;
    const source = bench().subject.scratch;
    const mounts = [{ ...shown, source, propagation: "private" as const }];
    const tools = "sh cat ls id echo sleep grep rm";
    const script = [
      "rm -rf /out/*; mkdir -p /out/bin /out/etc /out/tmp",
      `for t in ${tools}; do cat /bin/$t > /out/bin/$t; chmod 755 /out/bin/$t; done`,
      "echo 'root:x:0:0::/root:/bin/sh' > /out/etc/passwd",
      "echo 'diver:x:7:8::/deep:/bin/sh' >> /out/etc/passwd; echo here > /out/file",
      ...more,
    ].join("; ");
    expect(await bench().sh(script, { mounts })).toMatchObject({ code: 0, stderr: "" });
  };

  it("runs a directory that is the container's to write, with names of its own", async () => {
    await fill();
    const made = await sh("cat /file; echo made >/made; cat /etc/hostname", false, {
      hostname: "box",
    });
    expect(made).toEqual({ code: 0, stdout: "here\nbox\n", stderr: "" });
    const seen = await sh("cat /made; id -u; id -g; echo $HOME", false, { user: "diver" });
    expect(seen.stdout).toBe("made\n7\n8\n/deep\n");
    const closed = await sh("echo x >/more", false, { readOnlyRoot: true });
    expect([closed.code, closed.stderr.includes("Read-only file system")]).toEqual([1, true]);
    expect((await sh("ls /", false)).stdout).not.toContain("more");
  });

  it("writes to the container's own layer above one that is only to be read", async () => {
    await fill();
    const script = "echo more >>/file; rm /etc/passwd; cat /file; echo own >/own";
    const request = of(true, { name: "above", command: ["sh", "-c", script] });
    const { id } = await bench().containers.create(request);
    for (const lines of ["here\nmore\n", "here\nmore\nmore\n"]) {
      const { stdout, exited } = await bench().containers.start(id, {
        ...{ stdin: "ignore", stdout: "pipe", stderr: "ignore" },
      });
      let text = "";
      for await (const bytes of stdout ?? []) text += new TextDecoder().decode(bytes);
      expect([await exited, text]).toEqual([0, lines]);
    }
    expect(bench().containers.inspect(id)).toMatchObject({
      ...{ Image: "", Rootfs: bench().subject.scratch },
    });
    await bench().containers.remove(id);
    expect((await sh("cat /file /etc/passwd", false)).stdout).toMatch(/^here\nroot:x/);
    expect((await sh("ls /", true)).stdout).not.toContain("own");
  });

  it.each([false, true])(
    "has a new volume begin with what it has there: overlay %j",
    async (overlay) => {
      await fill(
        "mkdir -p /out/data/sub; echo kept >/out/data/sub/f; ln -s f /out/data/sub/l",
        "chmod 700 /out/data/sub; echo t >/out/tmp/t",
      );
      const volume = (name: string, target: string, noCopy = false) => ({
        ...{ type: "volume" as const, name, target, readOnly: false, ...(noCopy && { noCopy }) },
      });
      const mounts = [
        ...[volume("whole", "/data"), volume("none", "/absent"), volume("bare", "/tmp", true)],
      ];
      const look = "ls -l /data | grep -o drwx------; cat /data/sub/l; ls /absent /tmp";
      const seen = await sh(look, overlay, { mounts });
      expect(seen).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("drwx------\nkept\n"),
      });
      expect(seen.stdout).not.toMatch(/^t$/m);
      const kept = await sh("cat /data/sub/f; echo new >/data/sub/f", overlay, { mounts });
      expect(kept.stdout).toBe("kept\n");
      expect((await sh("cat /data/sub/f", false)).stdout).toBe("kept\n");
      const { engine } = bench().subject;
      for (const name of ["whole", "none", "bare"]) await engine.volumes.remove(name);
    },
  );

  it("hides from a container the state of all others, where its root has that", async () => {
    const look = { rootDirectory: { path: "/", overlay: true }, image: "" };
    const { stdout } = await bench().sh(`ls ${stateRoot()}`, look);
    expect(stdout).toBe("");
    const shown = await bench().sh("ls /", look);
    expect(shown.stdout).toMatch(/^etc$/m);
  });

  it("joins it, and has its users by the names of the directory", async () => {
    await fill();
    const command = ["sh", "-c", LOOP];
    const request = of(true, { name: "joined", command, detached: true });
    await bench().containers.run(request);
    const exec = await bench().exec("joined", { command: ["id", "-u"], user: "diver" });
    expect(exec.stdout).toBe("7\n");
    const error = await refusal(bench().exec("joined", { command: ["id"], user: "nobody-here" }));
    expect(error.message).toContain("nobody-here");
  });

  it.each<[string, object, string]>([
    ["one that is not there", { path: "/no/where", overlay: false }, "there is no such directory"],
    ["a file", { path: "/etc/passwd", overlay: true }, "it is a file, not a directory"],
    ["all of the machine, to write", { path: "/", overlay: false }, "this machine's own root"],
  ])("refuses %s", async (_, rootDirectory, says) => {
    const request = { image: "", command: ["true"], rootDirectory } as never;
    expect((await refusal(bench().containers.create(request))).message).toContain(says);
    expect(bench().containers.list({ all: true })).toEqual([]);
  });

  it("refuses what only an image has", async () => {
    await fill();
    for (const [more, says] of [
      [{ removeImage: true }, "--rmi and --rootfs cannot be used together"],
      [{ image: "debian" }, "the image debian and --rootfs"],
      [{ accounts: { hostUsers: ["root"] } }, "--hostuser and --rootfs"],
      [{ command: [] }, "no command specified"],
      [{ rootDirectory: { path: stateRoot(), overlay: true } }, "where Nacre keeps its own"],
    ] as const) {
      const request = of(false, { command: ["true"], ...more });
      expect((await refusal(bench().containers.create(request))).message).toContain(says);
    }
    const { id } = await bench().containers.create(of(true, { command: ["true"], name: "bare" }));
    const changes = bench().subject.engine.archives.changes(id);
    expect((await refusal(changes)).message).toContain(
      `container bare has no image: its root is the directory ${bench().subject.scratch}`,
    );
  });
}
