// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what the scripts here say to the shell
// The shell and the usual tools of the simulated kernel, as a container's commands.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  defineProgram,
  type RunOptions,
  type Simulation,
  simulate,
  tools,
} from "../../cli/simulated.ts";

let simulation: Simulation;
beforeAll(async () => {
  simulation = await simulate({
    images: {
      box: {
        files: {
          ...tools,
          "/bin/compiler": { content: "\u007fELF of a real machine\n", mode: 0o755 },
          "/bin/script": { content: "#!/bin/sh\necho script $1 of $0\n", mode: 0o755 },
          "/bin/bare": { content: "echo bare $1\n", mode: 0o755 },
          "/bin/locked": { content: "echo never\n", mode: 0o644 },
          "/bin/relay": defineProgram(async ({ stdin, stdout, environment }) => {
            await stdout.write(`${environment.WHO}:${(await stdin.text()).toUpperCase()}`);
            return 7;
          }),
          "/etc/secret": { content: "secret\n", mode: 0o600 },
        },
      },
      bare: { files: { "/bin/sh": tools["/bin/sh"] as string } },
    },
  });
});
afterAll(() => simulation[Symbol.asyncDispose]());

const sh = (script: string, options?: RunOptions) =>
  simulation.run("box", ["sh", "-c", script], options);
const prints = async (script: string) => {
  const { code, stdout, stderr } = await sh(script);
  expect({ code, stderr }, script).toEqual({ code: 0, stderr: "" });
  return stdout;
};

describe("the shell", () => {
  it.each([
    ["echo a b; echo 'c  d'", "a b\nc  d\n"],
    ["a='x  y'; echo $a; echo \"$a\"", "x y\nx  y\n"],
    ['set -- \'a b\' c; for w in "$@"; do echo "<$w>"; done; echo $#', "<a b>\n<c>\n2\n"],
    ["false && echo no || echo yes; ! true || echo after", "yes\nafter\n"],
    ["if [ -d /etc ] && [ ! -e /nope ]; then echo there; else echo gone; fi", "there\n"],
    ["i=0; while [ $i -lt 3 ]; do i=$((i + 1)); [ $i = 2 ] && continue; echo $i; done", "1\n3\n"],
    ["for i in 1 2 3; do for j in a b; do break 2; done; done; echo $i$j", "1a\n"],
    ["case file.txt in *.md) echo md;; *.txt | *.text) echo text;; *) echo other;; esac", "text\n"],
    ["f() { local a=in; echo $a $1; return 3; }; a=out; f x || echo $? $a", "in x\n3 out\n"],
    ["echo $(echo sub; echo shell) `echo old`", "sub shell old\n"],
    ["(cd /etc; a=1; pwd); pwd; echo ${a-unset}", "/etc\n/\nunset\n"],
    ["echo ${x:-default} ${x:=set} $x ${x:+other} ${#x}", "default set set other 3\n"],
    [
      "p=/usr/lib/a.tar.gz; echo ${p##*/} ${p%.*} ${p%%.*} ${p#/} ${p/lib/bin}",
      "a.tar.gz /usr/lib/a.tar /usr/lib/a usr/lib/a.tar.gz /usr/bin/a.tar.gz\n",
    ],
    [
      "echo $((2 + 3 * 4)) $((0x10)) $((7 / 2)) $((1 << 40)) $((5 > 3 ? 1 : 2))",
      "14 16 3 1099511627776 1\n",
    ],
    ["cat <<E\n$((1 + 1)) $HOME\nE\ncat <<'E'\n$HOME\nE", "2 /root\n$HOME\n"],
    ["echo one two | { read a b; echo $b $a; }", "two one\n"],
    ["printf 'a b\\nc\\n' | while read x y; do echo \"$y-$x\"; done", "b-a\n-c\n"],
    ["printf '%s=%03d\\n' a 1 b 22", "a=001\nb=022\n"],
    ["echo {a,b}{1..3}", "a1 a2 a3 b1 b2 b3\n"],
    ["cd /etc; echo pass* [g]roup nothing*", "passwd group nothing*\n"],
    ['a=(x y z); echo ${a[1]} ${#a[@]} "${a[@]}"', "y 3 x y z\n"],
    ["[[ abc == a* && abc =~ b(.) ]] && echo ${BASH_REMATCH[1]}", "c\n"],
    ["eval 'echo $((1+1))'; . /dev/stdin <<E\necho sourced\nE", "2\nsourced\n"],
    [
      "A=1 env | grep ^A=; A=2; export A; env | grep ^A=; unset A; env | grep -c ^A= || true",
      "A=1\nA=2\n0\n",
    ],
    ["while getopts ab: o -a -b val rest; do echo $o $OPTARG; done", "a\nb val\n"],
    ["echo x >/tmp/f; echo y >>/tmp/f; { read a; read b; } </tmp/f; echo $b$a; rm /tmp/f", "yx\n"],
    ["{ echo out; echo err >&2; } 2>&1 >/dev/null | tr a-z A-Z", "ERR\n"],
    ["exec 3>/tmp/three; echo to three >&3; exec 3>&-; cat /tmp/three", "to three\n"],
    ["set -e; false || true; if false; then :; fi; echo still", "still\n"],
    ["command -v ls; type cd", "/bin/ls\ncd is a shell builtin\n"],
    ["umask 077; touch /tmp/u; ls -l /tmp/u | cut -c1-10", "-rw-------\n"],
  ])("carries out %j", async (script, output) => {
    expect(await prints(script)).toBe(output);
  });

  it("ends as scripts say, or as they fail", async () => {
    expect(await sh("exit 42")).toEqual({ code: 42, stdout: "", stderr: "" });
    expect(await sh("set -e; false; echo no")).toMatchObject({ code: 1, stdout: "" });
    expect(await sh("set -u; echo $nope; echo no")).toMatchObject({ code: 2, stdout: "" });
    expect(await sh("trap 'echo end $?' EXIT; exit 3")).toMatchObject({
      code: 3,
      stdout: "end 3\n",
    });
    expect(await sh("if true; then")).toMatchObject({ code: 2, stdout: "" });
    expect(await sh("true | false")).toMatchObject({ code: 1 });
    expect(await sh("set -o pipefail; false | true")).toMatchObject({ code: 1 });
    expect((await sh("sh -c 'kill -9 $$'; echo $?")).stdout).toBe("137\n");
  });

  it("goes on after a builtin that fails", async () => {
    expect(await prints("cd /nope 2>/dev/null || echo no; [ 1 -eq x ] 2>/dev/null; echo $?")).toBe(
      "no\n2\n",
    );
    const script = "[ a = b; echo $?; printf '%d,%s\\n' abc d; echo $?; trap : NONE; echo $?";
    expect((await sh(script)).stdout).toBe("2\n0,d\n1\n1\n");
    expect(await prints("set -- a; shift 2; echo $? $#; kill -0 1 && kill -l 9 137 TERM")).toBe(
      "1 1\nKILL\nKILL\n15\n",
    );
    // A special one ends the shell.
    expect(await sh("export 1a=b; echo after")).toMatchObject({ code: 2, stdout: "" });
  });

  it.each([
    ["break; echo $?; f() { break; }; for i in 1 2; do f; echo $i; done", "0\n1\n2\n"],
    ["for i in 1 2; do while break 9; do :; done; echo no; done; echo $i", "1\n"],
    ["while while break; do :; done; do echo once; break; done", "once\n"],
    ["IFS=' ,'; x=' a , b,,c , '; set -- $x; echo $# \"<$3>\"", "4 <>\n"],
    ["cat <(echo a) <(echo b)", "a\nb\n"],
    ["a=(1 2 3); unset 'a[1]' 'a[-1]'; echo ${a[@]}", "1\n"],
    [
      "mkdir -p /d/e; ln -s /d/e /e; cd /e; pwd; pwd -P; cd ..; pwd; cd -; cd -P /e; pwd",
      "/e\n/d/e\n/\n/e\n/d/e\n",
    ],
    ["umask 027; umask -S", "u=rwx,g=rx,o=\n"],
    [
      "set -C; echo a >/c; (echo b >/c) 2>/dev/null; echo $?; echo c >|/c; echo d >>/c; cat /c",
      "1\nc\nd\n",
    ],
    ["sleep 0.2 & sleep 0.1 & (exit 3) & wait -n; echo $?; wait %2; echo $?", "3\n0\n"],
    ["sleep 9 & sleep 8 & kill %1; wait %1; echo $?; kill %2; wait %%; echo $?", "143\n143\n"],
  ])("does as others do: %s", async (script, output) => {
    expect(await prints(script)).toBe(output);
  });

  it("executes what the image has, and nothing else", async () => {
    expect(await sh("nothing")).toMatchObject({ code: 127, stderr: "sh: nothing: not found\n" });
    expect(await sh("locked")).toMatchObject({
      code: 126,
      stderr: "sh: locked: Permission denied\n",
    });
    expect(await sh("compiler; echo $?")).toMatchObject({ stdout: "126\n" });
    expect(await prints("script one; bare two")).toBe("script one of /bin/script\nbare two\n");
    const bare = await simulation.run("bare", ["sh", "-c", "echo builtin; ls"]);
    expect(bare).toEqual({ code: 127, stdout: "builtin\n", stderr: "sh: ls: not found\n" });
  });

  it("joins processes by pipes, programs of the test among them", async () => {
    expect(await prints("echo hi | WHO=me relay | cat || true")).toBe("me:HI\n");
    expect((await sh("echo hi | relay")).code).toBe(7);
    expect(await prints("yes | head -n 2")).toBe("y\ny\n");
    expect(await prints("(sleep 5; echo late) & echo early; wait; echo $?")).toBe(
      "early\nlate\n0\n",
    );
  });

  it("reads a script from standard input", async () => {
    const result = await simulation.run("box", ["sh"], { input: "echo $((20 + 1))\nexit 4\n" });
    expect(result).toEqual({ code: 4, stdout: "21\n", stderr: "" });
  });

  it("sees the tree with its own user's permissions", async () => {
    const nobody = (script: string) => sh(script, { user: "nobody" });
    expect(await nobody("id -un; cat /etc/secret")).toEqual({
      code: 1,
      stdout: "nobody\n",
      stderr: "cat: /etc/secret: Permission denied\n",
    });
    expect((await nobody("echo x >/etc/new")).stderr).toContain(
      "can't create /etc/new: Permission denied",
    );
    expect(
      (await nobody("kill -9 1; echo $?; touch /tmp/mine && ls -l /tmp/mine | cut -d' ' -f3"))
        .stdout,
    ).toContain("nobody\n");
    const readOnly = await sh("echo x >/x; mkdir /y", { readOnlyRoot: true });
    expect(readOnly.stderr).toContain("can't create /x: Read-only file system");
    expect(readOnly.code).not.toBe(0);
    const full = await sh(
      "dd if=/dev/zero of=/small/x bs=1k count=100 2>/dev/null || cat /dev/zero >/small/x",
      {
        mounts: [{ type: "tmpfs", target: "/small", options: ["size=16k"] }],
      },
    );
    expect(full.stderr).toContain("No space left on device");
  });

  it("knows the machine: processes, users, time, mounts", async () => {
    expect(await prints("sleep 9 & ps -o pid,args | grep '^2'; kill $!; wait $!; echo $?")).toBe(
      "2   sleep 9\n143\n",
    );
    expect(await prints("a=$(date +%s); sleep 1.5; sleep 30; b=$(date +%s); echo $((b - a))")).toBe(
      "31\n",
    );
    expect(await prints("uname -sm; hostname | wc -c")).toBe("Linux x86_64\n13\n");
    expect(await prints("timeout 2 sleep 60; echo $?")).toBe("124\n");
    expect((await sh("mount -t tmpfs none /tmp")).stderr).toContain("Operation not permitted");
  });
});

describe("the usual tools", () => {
  it.each([
    ["printf 'b\\na\\nb\\n' | sort | uniq -c | awk '{ print $2 $1 }'", "a1\nb2\n"],
    ["seq 1 3 | sed 's/2/two/' | paste -sd, -", "1,two,3\n"],
    ["echo 'k: v' | grep -o 'v$' | tr v V", "V\n"],
    [
      "mkdir -p /t/a; echo 1 >/t/a/f; cp -r /t /u; mv /u/a/f /u/g; ls -R /u; find /t -type f",
      "/u:\na\ng\n\n/u/a:\n/t/a/f\n",
    ],
    ["find /etc -name passwd -exec head -n 1 '{}' ';' | cut -d: -f1", "root\n"],
    [
      "ln -s /etc/passwd /l; readlink /l; realpath /l; test -L /l; echo $?",
      "/etc/passwd\n/etc/passwd\n0\n",
    ],
    [
      "echo 'aab  c' | tr -s ' ' | tr a-c A-C | tr -d B; printf 'x\\0y' | tr '\\0' '\\n'",
      "AA C\nx\ny",
    ],
    ["echo a b c | xargs -n 1 echo -", "- a\n- b\n- c\n"],
    [
      "echo -n abc | sha256sum | cut -c1-8; echo -n abc | md5sum | cut -c1-8",
      "ba7816bf\n90015098\n",
    ],
    ["d=$(mktemp -d); echo x >$d/f; ls $d; rm -r $d; ls $d 2>/dev/null; echo $?", "f\n2\n"],
    ["echo out | tee /tmp/copy; cat /tmp/copy; stat -c %s /tmp/copy", "out\nout\n4\n"],
    ["busybox echo applet; busybox sh -c 'echo $0'", "applet\nsh\n"],
    [
      "chmod 4755 /tmp; ls -ld /tmp | cut -c1-10; chown nobody:nogroup /tmp; ls -ld /tmp | awk '{ print $3, $4 }'",
      "drwsr-xr-x\nnobody nogroup\n",
    ],
  ])("work on the container's tree: %j", async (script, output) => {
    expect(await prints(script)).toBe(output);
  });
});

describe("a container's storage", () => {
  it("keeps what a shell writes for whoever comes later, and not in the image", async () => {
    const { containers } = simulation.engine;
    const { container } = await containers.run({
      image: "box",
      detached: true,
      command: ["sleep", "1000"],
    });
    await simulation.exec(container.id, ["sh", "-c", "echo kept >/kept; rm /etc/secret"]);
    expect(await simulation.exec(container.id, ["cat", "/kept", "/etc/secret"])).toEqual({
      code: 1,
      stdout: "kept\n",
      stderr: "cat: /etc/secret: No such file or directory\n",
    });
    await containers.remove(container.id, { force: true });
    expect(await prints("ls /kept 2>/dev/null || cat /etc/secret")).toBe("secret\n");
  });
});
