import { changedProcess } from "@nacre/core/oci/config-change.ts";
import type { ImageProcess } from "@nacre/core/oci/image.ts";
import { describe, expect, it } from "vitest";

const base: ImageProcess = {
  Env: ["PATH=/bin", "A=1"],
  Cmd: ["sh"],
  Entrypoint: ["/init"],
  WorkingDir: "/srv",
  Labels: { a: "b" },
};
const after = (text: string): ImageProcess => changedProcess(base, text);

describe("changes to an image's config", () => {
  it("read commands as lists and as scripts; an entry point takes the base's command away", () => {
    expect(after('CMD ["a", "b c"]').Cmd).toEqual(["a", "b c"]);
    expect(after("cmd echo $A && exit").Cmd).toEqual(["/bin/sh", "-c", "echo $A && exit"]);
    expect(after('ENTRYPOINT ["x"]')).toMatchObject({ Entrypoint: ["x"] });
    expect(after('ENTRYPOINT ["x"]')).not.toHaveProperty("Cmd");
    expect(after("CMD [broken").Cmd).toEqual(["/bin/sh", "-c", "[broken"]);
  });

  it("set variables and labels, with quotes, and in the older form", () => {
    expect(after(`ENV A=2 B="two words" C='$x' D=e\\ f`).Env).toEqual([
      ...["PATH=/bin", "A=2", "B=two words", "C=$x", "D=e f"],
    ]);
    expect(after("ENV B  the rest = all").Env?.at(-1)).toBe("B=the rest = all");
    expect(after("LABEL c=d").Labels).toEqual({ a: "b", c: "d" });
  });

  it("add ports and volumes, and set the rest", () => {
    expect(after("EXPOSE 80 53/UDP 8000-8010/tcp").ExposedPorts).toEqual({
      "80/tcp": {},
      "53/udp": {},
      "8000-8010/tcp": {},
    });
    expect(after('VOLUME ["/a b", "/c"]').Volumes).toEqual({ "/a b": {}, "/c": {} });
    expect(after("VOLUME /a /c").Volumes).toEqual({ "/a": {}, "/c": {} });
    expect(after("WORKDIR data").WorkingDir).toBe("/srv/data");
    expect(after("WORKDIR /data").WorkingDir).toBe("/data");
    expect(after("USER 7:8").User).toBe("7:8");
    expect(after("STOPSIGNAL SIGHUP").StopSignal).toBe("SIGHUP");
    expect(after("ONBUILD RUN x").OnBuild).toEqual(["RUN x"]);
  });

  it.each(["RUN x", "", "CMD", "ENV A", "ENV =x", "EXPOSE 70000", "EXPOSE http", "constructor x"])(
    "refuses %j",
    (text) => {
      expect(() => after(text)).toThrow(expect.objectContaining({ kind: "invalid" }));
    },
  );
});
