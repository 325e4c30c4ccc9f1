// Secrets, as podman has them: part of commandLineContract.

import { expect, it } from "vitest";
import type { HostSettings } from "../cli/fake-host.ts";
import type { Outcome } from "./command-line.ts";

interface Tools {
  readonly image: () => string;
  readonly nacre: (settings: HostSettings, ...words: string[]) => Promise<Outcome>;
  readonly does: (...words: string[]) => Promise<string>;
  readonly start: (name: string, script: string, ...options: string[]) => Promise<string>;
}

const LOOP = "while :; do sleep 0.05; done";
const SETTINGS = {
  files: { "/pw": "open sesame", "/other": "other\n", "/empty": "", "/bytes": "\u0000\u00ff" },
  environment: { TOKEN: "from a variable" },
};

export function secretCases({ image, nacre, does, start }: Tools): void {
  const create = async (...words: string[]) => {
    const { code, out, err } = await nacre(SETTINGS, "secret", "create", ...words);
    expect({ code, err }, words.join(" ")).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^[0-9a-f]{25}\n$/);
    return out.trim();
  };
  const refused = async (words: readonly string[], says: string) => {
    const { code, out, err } = await nacre(SETTINGS, ...words);
    expect([code > 0, out], words.join(" ")).toEqual([true, ""]);
    expect(err).toContain(says);
  };
  const ran = async (script: string, ...options: string[]) => {
    await start("with", script, ...options);
    await does("wait", "with");
    const outcome = await nacre({}, "logs", "with");
    await does("rm", "with");
    return outcome.out;
  };
  const forget = () => does("secret", "rm", "-a");

  it("keeps secrets by name, and shows everything but what they say", async () => {
    const id = await create("pw", "/pw", "-l", "team=red", "--label", "bare");
    const token = await create("--env", "token", "TOKEN");
    const input = await nacre({ input: "by input" }, "secret", "create", "in.put_1-x", "-");
    expect(input.code).toBe(0);
    const names = ["secret", "ls", "--format", "{{.Name}} {{.Driver}}"];
    expect((await does(...names)).split("\n")).toEqual([
      "in.put_1-x file",
      "pw file",
      "token file",
    ]);
    expect(await does("secret", "ls", "-q", "-f", "name=pw")).toBe(id);
    expect(await does("secret", "ls", "-q", "--filter", `id=${token.slice(0, 8)}`)).toBe(token);
    expect(await does("secret", "ls")).toMatch(/^ID +NAME +DRIVER +CREATED +UPDATED\n/);
    expect(await does("secret", "ls", "--noheading")).not.toContain("DRIVER");
    const shown = await does("secret", "inspect", "pw", token.slice(0, 10));
    expect(JSON.parse(shown)).toMatchObject([
      { ID: id, Spec: { Name: "pw", Driver: { Name: "file" }, Labels: { team: "red", bare: "" } } },
      { ID: token, Spec: { Name: "token", Labels: {} } },
    ]);
    expect(shown).not.toContain("sesame");
    expect(await does("secret", "inspect", "--pretty", "pw")).toMatch(
      /^ID: +[0-9a-f]{25}\nName: +pw\nLabels:\n - team=red\n - bare=\nDriver: +file\nCreated at: /,
    );
    expect((await nacre({}, "secret", "exists", "pw")).code).toBe(0);
    expect((await nacre({}, "secret", "exists", "pq")).code).toBe(1);
    const some = await nacre({}, "secret", "rm", "nobody", "pw");
    expect(some).toMatchObject({ code: 1, out: `${id}\n` });
    expect(some.err).toContain("no such secret: nobody");
    expect((await forget()).split("\n")).toHaveLength(2);
    expect(await does("secret", "ls", "-q")).toBe("");
  });

  it("refuses secrets that podman refuses", async () => {
    await create("taken", "/pw");
    for (const [words, says] of [
      [["taken", "/pw"], "taken: secret name in use"],
      [["a/b", "/pw"], 'invalid secret name "a/b"'],
      [["-", "/pw"], 'invalid secret name "-"'],
      [["x".repeat(65), "/pw"], "invalid secret name"],
      [["none", "/empty"], "larger than 0 and less than 512000 bytes"],
      [["gone", "/no/where"], "absent"],
      [["--env", "gone", "NOWHERE"], "environment variable NOWHERE is not set"],
      [["-d", "pass", "kept", "/pw"], "there is no secret driver pass"],
      [["--driver-opts", "path=/x", "kept", "/pw"], "has no options"],
      [["alone"], "requires 2 arguments"],
    ] as const) {
      await refused(["secret", "create", ...words], says);
    }
    const large = { input: "x".repeat(512_000) };
    expect((await nacre(large, "secret", "create", "large", "-")).err).toContain("has 512000");
    const most = { input: "x".repeat(511_999) };
    expect((await nacre(most, "secret", "create", "most", "-")).code).toBe(0);
    expect(await ran("wc -c </run/secrets/most", "--secret", "most")).toBe("511999\n");
    await refused(["secret", "inspect", "--pretty", "-f", "x", "taken"], "choose either");
    await refused(["secret", "ls", "-f", "color=red"], "invalid filter 'color'");
    await refused(["secret", "rm", "-a", "taken"], "cannot be used together");
    await forget();
  });

  it("gives a container files and variables of them, where it is asked to", async () => {
    await create("pw", "/pw");
    const other = await create("other", "/other");
    const list = "ls -ln /run/secrets | grep -v total | awk '{print $1, $3, $4, $5, $NF}'";
    expect(await ran(`${list}; cat /run/secrets/pw`, "--secret", "pw")).toBe(
      "-r--r--r-- 0 0 11 pw\nopen sesame",
    );
    const options = [
      "pw,target=a/b,uid=7,gid=8,mode=0440",
      `${other.slice(0, 9)},target=/etc/deep/o`,
    ];
    const script = "ls -ln /run/secrets/a/b | awk '{print $1, $3, $4}'; cat /etc/deep/o";
    expect(await ran(script, ...options.flatMap((one) => ["--secret", one]))).toBe(
      "-r--r----- 7 8\nother\n",
    );
    const variables = ["pw,type=env", "source=other,type=env,target=NAMED"];
    const words = [...variables.flatMap((one) => ["--secret", one]), "-e", "NAMED=given"];
    expect(await ran('echo "$pw $NAMED"; ls -d /run/secrets 2>&1 | grep -c No', ...words)).toBe(
      "open sesame other\n\n1\n",
    );
    const closed = ["--read-only", "--user", "5", "--secret", "pw,mode=0400,uid=5"];
    expect(await ran("cat /run/secrets/pw; cat /run/secrets/none || echo", ...closed)).toBe(
      "open sesame\n",
    );
    const twice = ["pw", "other,target=pw"].flatMap((one) => ["--secret", one]);
    expect(await ran("cat /run/secrets/pw", ...twice)).toBe("other\n");
    await forget();
  });

  it("shows them to what joins, and in no image, no list of changes and no inspection", async () => {
    await create("pw", "/pw");
    await create("other", "/other");
    await start("kept", LOOP, "--secret", "pw", "--secret", "other,type=env,target=NAMED");
    await does(
      "exec",
      "-d",
      "kept",
      "sh",
      "-c",
      'echo "$NAMED" >/joined; cat /run/secrets/pw >>/joined',
    );
    const joined = () => nacre({}, "cp", "kept:/joined", "-");
    const written = async () => (await joined()).out;
    await expect.poll(written, { timeout: 20_000 }).toContain("other\n\nopen sesame");
    await does("exec", "-d", "kept", "rm", "/joined");
    await expect.poll(async () => (await joined()).code, { timeout: 20_000 }).toBe(1);
    const { Config } = JSON.parse(await does("inspect", "kept"))[0];
    expect(Config.Secrets).toMatchObject([{ Name: "pw", UID: 0, GID: 0, Mode: 0o444 }]);
    expect(JSON.stringify(Config.Env)).not.toContain("NAMED");
    await does("stop", "-t", "0", "kept");
    const inspected = await does("inspect", "kept");
    for (const says of ["sesame", "other\\n"]) expect(inspected).not.toContain(says);
    const exported = (await nacre({}, "export", "kept")).out;
    expect(exported).not.toContain("sesame");
    await does("commit", "kept", "kept:1");
    const asked = ["run", "-d", "--network", "none", "--name", "made", "kept:1", "sh", "-c"];
    await does(...asked, 'echo "[$NAMED]"; ls /run/secrets; exec sleep 0.1');
    await does("wait", "made");
    expect(await does("logs", "made")).toBe("[]");
    await does("rm", "made");
    await does("rmi", "kept:1");
    expect(await does("explain", "run", "--secret", "pw", image(), "true")).not.toContain("sesame");
    await forget();
  });

  it("leaves a container what it was made with, whatever becomes of the secret", async () => {
    await create("pw", "/pw");
    const options = ["--network", "none", "--name", "made", "--secret", "pw"];
    const variable = ["--secret", "pw,type=env,target=NAMED"];
    const script = 'cat /run/secrets/pw; echo " $NAMED"';
    await does("create", ...options, ...variable, image(), "sh", "-c", script);
    const first = await does("secret", "ls", "-q");
    expect(await create("--replace", "-l", "a=b", "pw", "/other")).not.toBe(first);
    expect(await does("secret", "ls", "--format", "{{.Name}}")).toBe("pw");
    expect(await ran("cat /run/secrets/pw", "--secret", "pw")).toBe("other\n");
    for (const count of [1, 2]) {
      await does("start", "made");
      await does("wait", "made");
      expect(await does("logs", "made")).toBe(
        Array.from({ length: count }, () => "open sesame open sesame").join("\n"),
      );
    }
    await does("rm", "made");
    await forget();
  });

  it("refuses what no container can have", async () => {
    await create("pw", "/pw");
    await create("bytes", "/bytes");
    for (const [option, says] of [
      ["nope", "no such secret: nope"],
      ["", "the name of a secret must come first"],
      ["target=x", "the name of a secret must come first"],
      ["pw,other", "option other must be in form option=value"],
      ["pw,type=bogus", "type bogus is invalid"],
      ["pw,foo=bar", "option foo=bar invalid"],
      ["pw,mode=9", "mode 9 invalid"],
      ["pw,mode=77777", "invalid"],
      ["pw,uid=x", "UID x invalid"],
      ["pw,gid=4294967295", "GID 4294967295 invalid"],
      ["pw,type=env,uid=3", "UID, GID, Mode options cannot be set with secret type env"],
      ["pw,type=env,target=A=B", "cannot be the name of a variable"],
      ["pw,target=../x", "cannot be the path of a file"],
      ["bytes,type=env", "it is no text"],
    ] as const) {
      const words = ["--network", "none", "--secret", option, image(), "true"];
      await refused(["run", "-d", ...words], says);
      await refused(["create", ...words], says);
    }
    expect(await does("ps", "-aq")).toBe("");
    await forget();
  });
}
