// What a person who comes from docker would stumble over, found by giving the same commands to both:
// part of commandLineContract.

import { expect, it } from "vitest";
import type { HostSettings } from "../cli/fake-host.ts";
import type { Outcome } from "./command-line.ts";

interface Tools {
  readonly image: () => string;
  readonly nacre: (settings: HostSettings, ...words: string[]) => Promise<Outcome>;
  readonly does: (...words: string[]) => Promise<string>;
  readonly start: (name: string, script: string, ...options: string[]) => Promise<string>;
}

export function dockerCases({ image, nacre, does, start }: Tools): void {
  it("takes an empty word for none, and a working directory by its plain name", async () => {
    const given = ["--name", "", "-w", "", "--hostname", "", "--network", "none"];
    const id = await does("create", ...given, image(), "true");
    const shown = "{{.Config.Hostname}} {{.Config.WorkingDir}}";
    expect(await does("inspect", "-f", shown, id)).toBe(id.slice(0, 12));
    await start("placed", "pwd", "-w", "/new/./sub/../at/");
    await does("wait", "placed");
    expect(await does("logs", "placed")).toBe("/new/at");
  });

  it("shows names and limits of a container as docker writes them", async () => {
    const powers = ["--cap-add", "net_admin", "--cap-drop", "CAP_CHOWN", "--cap-drop", "all"];
    const limits = ["--ulimit", "nofile=10:20", "--ulimit", "core=0", "--pids-limit", "-1"];
    const more = ["--network", "none", "--expose", "80", "--name", "shown"];
    await does("create", ...powers, ...limits, ...more, image(), "true");
    const shown = "{{.HostConfig.CapAdd}} {{.HostConfig.CapDrop}} {{.HostConfig.PidsLimit}}";
    const ulimits = "{{range .HostConfig.Ulimits}} {{.Name}}={{.Hard}}{{end}}";
    expect(await does("inspect", "-f", shown + ulimits, "shown")).toBe(
      "[CAP_NET_ADMIN] [CAP_CHOWN ALL] <nil> core=0 nofile=20",
    );
    await does("create", "--network", "none", image(), "echo", "a b");
    expect(await does("system", "df", "-v")).toContain("\"echo 'a b'\"");
    const exposed = (port: string) => does("ps", "-a", "-f", `expose=${port}`, "-q");
    expect(await exposed("80/tcp")).not.toBe("");
    expect(await exposed("80/udp")).toBe("");
    expect(await does("ps", "-a", "-f", "publish=80", "-q")).toBe("");
    expect((await nacre({}, "ps", "-f", "publish=x")).err).toContain("invalid filter 'publish=x'");
  });

  it("calls a container in stats as its caller does, and gives no limit where nothing runs", async () => {
    await start("calm", "exec sleep 1000");
    const id = await does("create", "--network", "none", "--name", "rests", image(), "true");
    const words = ["stats", "--no-stream", "--format", "{{.Container}} {{.MemUsage}}"];
    expect(await does(...words, "calm")).toMatch(/^calm \S+ \/ [1-9]/);
    expect(await does(...words, id.slice(0, 5))).toBe(`${id.slice(0, 5)} 0B / 0B`);
    expect(await does("top", "calm", "-o", "stat,pmem,pgid")).toMatch(/^STAT +%MEM +PGID\n[SRD]/);
  });

  it("calls nothing well that does not run", async () => {
    await start("well", "exec sleep 1000", "--health-cmd", "true", "--health-interval", "100ms");
    await does("wait", "--condition", "healthy", "well");
    await does("stop", "-t", "0", "well");
    expect(await does("inspect", "-f", "{{.State.Health.Status}}", "well")).toBe("unhealthy");
    expect(await does("ps", "-a", "-q", "-f", "health=healthy")).toBe("");
    expect(await does("ps", "-a", "-f", "health=unhealthy", "--format", "{{.Names}}")).toBe("well");
  });

  it("shows mounts as they were asked for", async () => {
    const short = [
      "-v",
      "/:/a:ro,rslave",
      "-v",
      "/anon",
      "--tmpfs",
      "/t:size=1m",
      "-v",
      "kept:/k:z",
    ];
    const long = [
      "type=bind,src=/,dst=/b,readonly,bind-propagation=rslave,bind-nonrecursive",
      "type=volume,src=kept,dst=/v,volume-nocopy,volume-label=x=y",
      "type=tmpfs,dst=/m,tmpfs-size=1m,tmpfs-mode=700",
    ].flatMap((words) => ["--mount", words]);
    const given = ["--network", "none", "--name", "mounted", ...short, ...long];
    await does("create", ...given, image(), "true");
    const asked = "{{json .HostConfig.Binds}} {{json .HostConfig.Tmpfs}} {{json .Config.Volumes}}";
    expect(await does("inspect", "-f", asked, "mounted")).toBe(
      '["/:/a:ro,rslave","kept:/k:z"] {"/t":"size=1m"} {"/anon":{}}',
    );
    expect(
      JSON.parse(await does("inspect", "-f", "{{json .HostConfig.Mounts}}", "mounted")),
    ).toEqual([
      {
        ...{ Type: "bind", Source: "/", Target: "/b", ReadOnly: true },
        BindOptions: { Propagation: "rslave", NonRecursive: true },
      },
      {
        ...{ Type: "volume", Source: "kept", Target: "/v" },
        VolumeOptions: { NoCopy: true, Labels: { x: "y" } },
      },
      { Type: "tmpfs", Target: "/m", TmpfsOptions: { SizeBytes: 1 << 20, Mode: 0o700 } },
    ]);
    const mounts = "{{range .Mounts}}{{.Type}} {{.Destination}} {{.Mode}};{{end}}";
    const seen = (await does("inspect", "-f", mounts, "mounted")).split(";").sort();
    expect(
      seen.filter((one) => !one.includes("/anon")).map((one) => one.split(" ", 2).join(" ")),
    ).toEqual(["", "bind /a", "bind /b", "tmpfs /m", "volume /k", "volume /v"]);
    expect(seen).toContain("bind /a ro,rslave");
    await does("rm", "-v", "mounted");
    await does("volume", "rm", "kept");
  });

  it("lists those that run where none of the last are asked for", async () => {
    await start("runs", "exec sleep 1000");
    await does("create", "--network", "none", "--name", "rests", image(), "true");
    expect(await does("ps", "-n", "0", "--format", "{{.Names}}")).toBe("runs");
    const both = (await does("ps", "-n", "5", "--format", "{{.Names}}")).split("\n");
    expect(both.sort()).toEqual(["rests", "runs"]);
  });

  it("prints the ID of what was made and could not be started in the background", async () => {
    const words = ["run", "-d", "--network", "none", "--name", "lame", image(), "/no/such"];
    const { code, out, err } = await nacre({}, ...words);
    expect(code).toBe(127);
    expect(err).toContain("/no/such");
    expect(out.trim()).toBe(await does("ps", "-aq", "--no-trunc", "-f", "name=lame"));
    expect(await nacre({}, ...words)).toMatchObject({ code: 125, out: "" });
  });

  it("says of an image that is not there that it is gone, where that is forced", async () => {
    expect(await nacre({}, "rmi", "-f", "nobody/has:it")).toMatchObject({ code: 0, out: "" });
    expect((await nacre({}, "rmi", "-f", "nobody/has:it")).err).toContain("No such image");
    expect((await nacre({}, "rmi", "nobody/has:it")).code).toBe(1);
  });

  it.each([
    [["--restart", "always:3"], "cannot be used with restart policy 'always'"],
    [["--restart", "no:1"], "cannot be used with restart policy 'no'"],
    [["--restart", "on-failure:-1"], "maximum retry count cannot be negative"],
    [["--uts", "host", "--hostname", "x"], "conflicting options: hostname and the UTS mode"],
    [["--sysctl", "net.ipv4.ip_forward"], "name=value is needed"],
    [["--health-interval", "1us"], "--health-interval cannot be less than 1ms"],
    [["-v", "/tmp:/x:ro,rw"], "invalid mode: ro,rw"],
    [["-v", "/tmp:/x:z,Z"], "invalid mode: z,Z"],
    [["-v", "/tmp:/x:rslave,rshared"], "invalid mode: rslave,rshared"],
    [["-v", "~/x:/x"], "the shell replaces ~ only at the beginning of a word"],
  ])("refuses %j", async (options, message) => {
    const { code, err } = await nacre({}, "run", ...options, image(), "true");
    expect({ code, err }).toMatchObject({ code: 125, err: expect.stringContaining(message) });
  });

  it("prints what docker's templates print of what is not there, and of structs", async () => {
    const options = ["--network", "none", "--label", "b=2", "--label", "a=1", "--expose", "80"];
    await does("create", "--name", "typed", ...options, "-v", "/:/m:ro", image(), "true");
    const template = [
      "{{.Config.Labels.none}} {{if .Config.Labels.none}}x{{end}}{{json .Config.Labels}}",
      "{{.Config.Entrypoint}} {{len .HostConfig.CapAdd}} {{json .HostConfig.CapAdd}}",
      "{{.Config.ExposedPorts}} {{.Config.Volumes}} {{.HostConfig.RestartPolicy}} {{.Mounts}}",
      "{{eq .ID .Id}} {{.HostConfig.NanoCPUs}} {{.HostConfig.Mounts}} {{.Config.Shell}}",
    ];
    expect(await does("inspect", "-f", template.join("|"), "typed")).toBe(
      '<no value> {"a":"1","b":"2"}|[] 0 null|map[80/tcp:{}] map[] {no 0} [{bind  / /m  ro false rprivate}]|true 0 [] []',
    );
    expect((await nacre({}, "inspect", "-f", "{{.Config.None}}", "typed")).code).toBe(1);
    const shown = "{{.Config.Labels}} {{.Config.Volumes}} {{.Config.OnBuild}} {{eq .ID .Id}}";
    expect(await does("image", "inspect", "-f", shown, image())).toMatch(
      /^map\[.*\] map\[\] \[\] true$/,
    );
    await does("volume", "create", "typed");
    expect(await does("volume", "inspect", "-f", "{{.Options}} {{.Labels.x}}", "typed")).toBe(
      "map[] <no value>",
    );
    await does("volume", "rm", "typed");
  });

  const templates = [
    ["ps", "-a"],
    ["images"],
    ["history", "IMAGE"],
    ["system", "df"],
    ["stats", "-a", "--no-stream"],
    ["volume", "ls"],
  ].map((words) => [words, 1] as const);
  const inspections = [
    ["inspect", "one"],
    ["inspect", "nobody"],
    ["image", "inspect", "IMAGE"],
    ["volume", "inspect", "vol"],
    ["info"],
    ["version"],
    ["events", "--until", "0s"],
  ].map((words) => [words, 64] as const);

  it.each([...templates, ...inspections])(
    "ends %j with a template that is none as docker does",
    async (words, unread) => {
      await does("create", "--name", "one", "--network", "none", image(), "true");
      await does("volume", "create", "vol");
      const given = words.map((word) => (word === "IMAGE" ? image() : word));
      const shown = async (format: string) => (await nacre({}, ...given, "--format", format)).code;
      expect([await shown("{{.No"), await shown("{{nothing .Name}}")]).toEqual([unread, unread]);
      if (words[0] !== "events") expect(await shown("{{.No.Such}}")).toBe(1);
      await does("volume", "rm", "vol");
    },
  );

  it("inspects what a template fits, also where it fits not all", async () => {
    await does("create", "--name", "one", "--network", "none", image(), "true");
    await does("volume", "create", "vol");
    const words = ["inspect", "-f", "{{.State.Status}}", "one", "vol", "one"];
    const { code, out, err } = await nacre({}, ...words);
    expect({ code, out }).toEqual({ code: 1, out: "created\ncreated\n" });
    expect(err).toContain('map has no entry for key "State"');
    const whole = JSON.parse(await does("inspect", "-f", "json", "one", "vol"));
    expect(whole.map(({ Name }: { Name: string }) => Name)).toEqual(["/one", "vol"]);
    expect(await nacre({}, "volume", "inspect", "-f", "json", "none")).toMatchObject({
      ...{ code: 1, out: "[]\n" },
    });
    await does("volume", "rm", "vol");
  });

  it("executes for nobody that the container has not, and says so by 126", async () => {
    await start("peopled", "exec sleep 1000");
    for (const user of ["stranger", ":stranger", "99999999999", "-5"]) {
      expect((await nacre({}, "exec", "-u", user, "peopled", "true")).code, user).toBe(126);
    }
    expect((await nacre({}, "exec", "-d", "-u", "stranger", "peopled", "true")).code).toBe(1);
    const own = ["run", "--network", "none", "-u", "stranger", image(), "true"];
    expect((await nacre({}, ...own)).code).toBe(125);
  });

  it("tells of prunes what they freed, and of images that are saved", async () => {
    await does("create", "--name", "one", "--network", "none", image(), "true");
    for (const what of ["container", "volume", "image", "system"]) await does(what, "prune", "-f");
    await does("save", "-o", "/dev/null", image(), image());
    const format = "{{.Type}} {{.Action}} {{json .Actor.Attributes.reclaimed}}";
    const when = ["--since", "1", "--until", "0s"];
    const told = await does("events", ...when, "-f", "event=prune", "--format", format);
    const last = told.split("\n").slice(-5);
    expect(last.map((line) => line.replace(/"\d+"/, "N"))).toEqual(
      ["container", "volume", "image", "container", "image"].map((type) => `${type} prune N`),
    );
    const saved = await does("events", ...when, "-f", "event=save", "--format", "{{.ID}}");
    expect(saved).toBe(await does("images", "-q", "--no-trunc", image()));
  });

  it("has files of its own in an /etc that is the user's, where they have a place", async () => {
    const shown = async (name: string, ...options: string[]) => {
      const script = "cat /etc/hostname 2>&1; cat /etc/hosts 2>&1 | tail -n 1";
      await start(name, script, "--hostname", "own", ...options);
      await does("wait", name);
      return does("logs", name);
    };
    const own = "own\n127.0.0.1\town";
    expect(await shown("kept", "-v", "names:/etc")).toBe(own);
    // The places that were made for them are in it now.
    expect(await shown("again", "-v", "names:/etc:ro")).toBe(own);
    expect(await shown("memory", "--tmpfs", "/etc")).toBe(own);
    expect(await shown("closed", "--tmpfs", "/etc:ro")).not.toContain("own");
    expect(await shown("empty", "--mount", "type=volume,dst=/etc,ro")).not.toContain("own");
    await does("rm", "-v", "kept", "again", "memory", "closed", "empty");
    await does("volume", "rm", "names");
  });

  it("hides its cgroups where /sys is the user's", async () => {
    await start("bare", "ls /sys", "--tmpfs", "/sys");
    expect(await does("wait", "bare")).toBe("0");
    expect(await does("logs", "bare")).toBe("");
  });

  it("takes the last --tmpfs of a place, and no bare name of a label file", async () => {
    const files = { "/labels": "a=1\nbare\n#c=3\nempty=\n" };
    const tmpfs = ["--tmpfs", "/t:size=1m", "--tmpfs", "/u", "--tmpfs", "/t:size=2m"];
    const words = ["--network", "none", "--name", "last", ...tmpfs, "--label-file", "/labels"];
    expect((await nacre({ files }, "create", ...words, image(), "true")).code).toBe(0);
    const shown = "{{json .HostConfig.Tmpfs}} {{json .Config.Labels}}";
    expect(await does("inspect", "-f", shown, "last")).toBe(
      '{"/t":"size=2m","/u":""} {"a":"1","empty":""}',
    );
  });

  it.each(["--env-file", "--label-file"])("refuses %s of what is no text", async (option) => {
    const files = { "/odd": Uint8Array.from([65, 61, 49, 10, 66, 61, 255, 254, 10]) };
    const words = ["create", "--name", "odd", "--network", "none", option, "/odd", image()];
    const { code, err } = await nacre({ files }, ...words);
    expect(code).toBe(125);
    expect(err).toContain("invalid env file (/odd): invalid utf8 bytes at line 2: [66 61 255 254]");
  });

  it("makes nothing where no ID can be written, and takes no name for no file", async () => {
    const words = ["--name", "quiet", "--network", "none"];
    for (const command of ["run", "create"]) {
      const given = [command, ...words, "--cidfile", "/none/id", image(), "true"];
      const { code, err } = await nacre({ absent: ["/none/id", "/none"] }, ...given);
      expect({ code, err }).toMatchObject({
        code: command === "run" ? 125 : 1,
        err: expect.stringContaining("the container ID file /none/id cannot be written: ENOENT"),
      });
    }
    expect(await does("ps", "-aq")).toBe("");
    expect((await nacre({}, "create", ...words, "--cidfile", "", image(), "true")).code).toBe(0);
  });

  it("takes an empty word for no signal and no name, and a log's modes", async () => {
    await start("deaf", "exec sleep 1000", "--stop-signal", "", "--log-opt", "mode=non-blocking");
    expect(await does("kill", "-s", "", "deaf")).toBe("deaf");
    expect(await does("wait", "deaf")).toBe("137");
    const made = await does("volume", "create", "--label", "a=b", "");
    expect(made).toMatch(/^[0-9a-f]{64}$/);
    const shown = ["--format", '{{.Label "a"}}{{.Label "none"}}|{{.Labels}}'];
    expect(await does("volume", "ls", "-f", `name=${made}`, ...shown)).toBe("b|a=b");
    await does("volume", "rm", made);
    for (const [words, says] of [
      ["mode=fast", "logging mode not supported: fast"],
      ["max-buffer-size=1m", "only supported with 'mode=non-blocking'"],
    ] as const) {
      const { code, err } = await nacre({}, "run", "--log-opt", words, image(), "true");
      expect([code, err]).toEqual([125, expect.stringContaining(says)]);
    }
  });

  it.each([
    [["--hostname", "own", "--domainname", "near.by"], "127.0.0.1\town.near.by own"],
    [["--hostname", "own.near.by"], "127.0.0.1\town.near.by own"],
    [["--hostname", "own"], "127.0.0.1\town"],
  ])("calls a container with %j by its full name, too", async (options, line) => {
    await start("called", "tail -n 1 /etc/hosts", ...options);
    await does("wait", "called");
    expect(await does("logs", "called")).toBe(line);
  });

  it("says that memory of the kernel is not limited, and that no time is before it began", async () => {
    const words = ["create", "--network", "none", "--kernel-memory", "20m", image(), "true"];
    const { code, err } = await nacre({}, ...words);
    expect([code, err]).toEqual([0, expect.stringContaining("--kernel-memory is not used")]);
    const late = ["events", "--since", "-5m", "--until", "0s"];
    expect(await nacre({}, ...late)).toMatchObject({
      ...{ code: 1, err: expect.stringContaining("`since` time cannot be after `until` time") },
    });
  });
}
