import { describe, expect, it } from "vitest";
import { mountOf, parseTmpfs, parseVolume } from "../../../cli/parse/mount.ts";
import { parseMount } from "../../../cli/parse/mount-option.ts";
import { dockerMount, withoutEmpty } from "../docker-mount.ts";
import { type Case, casesOf, outcomeOf } from "../facts.ts";

/** What docker's shape of a volume and ours have in common. */
function common(fact: Case): Case {
  if (fact.value === undefined) return fact;
  const { source, target, type } = fact.value as Record<string, string>;
  return { input: fact.input, value: { ...(source && { source }), target, type } };
}

const mounted = (text: string, workingDirectory = "/") =>
  mountOf(parseVolume(text), { workingDirectory });

describe("mounts", () => {
  it.each(casesOf("volumes"))("takes -v $input apart as docker does", (fact) =>
    expect(common(outcomeOf(fact.input, parseVolume))).toEqual(common(fact)),
  );

  it("makes a bind of a path, relative ones from the working directory", () => {
    expect(mounted("./data:/data:ro", "/srv")).toEqual({
      mode: "ro",
      type: "bind",
      source: "/srv/./data",
      target: "/data",
      readOnly: true,
      recursive: true,
      propagation: "private",
    });
    expect(mounted(".:/x", "/srv")).toMatchObject({ source: "/srv", readOnly: false });
  });

  it("makes a volume of a name, and one of its own of no name", () => {
    expect(mounted("data:/data:ro,nocopy")).toEqual({
      mode: "ro,nocopy",
      type: "volume",
      name: "data",
      target: "/data",
      readOnly: true,
      noCopy: true,
    });
    expect(mounted("/data")).toEqual({
      type: "volume",
      target: "/data",
      readOnly: false,
    });
  });

  it("reads propagation", () => {
    expect(mounted("/a:/b:rslave")).toMatchObject({ propagation: "slave" });
    expect(() => mounted("vol:/b:rslave")).toThrow("invalid mode: rslave");
  });

  it("refuses relative targets and modes that nobody knows", () => {
    expect(() => mounted("/a:b")).toThrow("mount path must be absolute");
    expect(() => mounted("x:/a")).toThrow("two characters at least");
    expect(() => mounted("/a:/b:bogus")).toThrow("invalid mode: bogus");
    expect(() => mounted("/a:/b:toString")).toThrow("invalid mode: toString");
    expect(() => mounted("/a:/b:nocopy")).toThrow("invalid mode: nocopy");
    expect(() => mounted("/a:/b:U")).toThrow("Use idmap");
  });

  it("reads which owners a bind shows", () => {
    expect(mounted("/a:/b:idmap")).toMatchObject({ idmap: "owner" });
    expect(mounted("/a:/b:ro,idmap=uids=1000-0-1#5-6-7;gids=100-0-1")).toMatchObject({
      readOnly: true,
      idmap: {
        uids: [
          { stored: 1000, shown: 0, length: 1 },
          { stored: 5, shown: 6, length: 7 },
        ],
        gids: [{ stored: 100, shown: 0, length: 1 }],
      },
    });
    for (const bad of ["uids=1-2", "uids=1-2-0", "uids=4294967295-0-1", "pids=1-2-3"]) {
      expect(() => mounted(`/a:/b:idmap=${bad}`)).toThrow("invalid idmap");
    }
  });

  it("reads tmpfs mounts", () => {
    expect(parseTmpfs("/t")).toEqual({ type: "tmpfs", target: "/t", options: [] });
    expect(parseTmpfs("/t:rw,size=64m")).toMatchObject({ options: ["rw", "size=64m"] });
    expect(() => parseTmpfs("t")).toThrow("mount path must be absolute");
  });
});

/** Docker's client lets these through; its daemon refuses them. */
const REFUSED: Readonly<Record<string, string>> = {
  "type=bind,target=/b": "field Source must not be empty",
  "type=npipe,source=a,target=b": "invalid mount path: 'b'",
};

describe("--mount", () => {
  it.each(casesOf("mounts"))("reads $input as docker does", (fact) => {
    const refusal = fact.error ?? REFUSED[fact.input];
    if (refusal !== undefined) return expect(() => parseMount(fact.input)).toThrow(refusal);
    const made = dockerMount(parseMount(fact.input));
    // What is relative is taken from the working directory afterwards.
    const Source = String(made.Source).replace(/^\.\//, "/cwd/");
    const located = made.Source === undefined ? made : { ...made, Source };
    expect(located).toEqual(withoutEmpty(fact.value as Record<string, unknown>));
  });

  it("reads how far a bind reaches, and whether it must be there", () => {
    const bind = (more: string) => parseMount(`type=bind,src=/a,dst=/b,${more}`);
    expect(bind("ro")).toMatchObject({ readOnly: true, recursive: true, mustExist: true });
    expect(bind("bind-recursive=disabled")).toMatchObject({ recursive: false });
    expect(bind("bind-nonrecursive")).toMatchObject({ recursive: false });
    expect(bind("ro,bind-recursive=writable")).toMatchObject({ writableBelow: true });
    expect(bind("bind-create-src=true")).not.toHaveProperty("mustExist");
    expect(bind("idmap")).toMatchObject({ idmap: "owner" });
    expect(() => bind("bind-recursive=sometimes")).toThrow("must be one of");
    expect(() => bind("ro,bind-recursive=readonly,bind-propagation=rslave")).toThrow("rprivate");
  });

  it("reads what a volume is to be", () => {
    expect(
      parseMount(
        'dst=/d,src=v,volume-driver=d,volume-opt=type=nfs,"volume-opt=o=addr=1.2.3.4,rw",volume-nocopy',
      ),
    ).toEqual({
      type: "volume",
      name: "v",
      target: "/d",
      readOnly: false,
      noCopy: true,
      driver: "d",
      options: { type: "nfs", o: "addr=1.2.3.4,rw" },
    });
  });

  it("names what it cannot read", () => {
    expect(() => parseMount("")).toThrow("value is empty");
    expect(() => parseMount("type=bind,src=/a")).toThrow("target is required");
    expect(() => parseMount('"src=/a,dst=/b')).toThrow("a quote is not closed");
    expect(() => parseMount("type=tmpfs,src=/a,dst=/b")).toThrow("Source must not be specified");
  });
});
