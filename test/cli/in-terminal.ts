// A person at a terminal, for tests of what shows there.

import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** What is waited for, and what is typed then. */
export type TypedStep = readonly [seen: string, keys: string];

/** Runs a command in a terminal of 33 by 99, types what follows what is seen; its end and what was seen. What hangs is killed. */
export async function typedInto(command: readonly string[], steps: readonly TypedStep[]) {
  const script = `
import codecs, pty, os, sys, json, termios, fcntl, struct, signal
words, steps = json.loads(sys.argv[1]), json.loads(sys.argv[2])
looked, look = os.pipe()
pid, fd = pty.fork()
if pid == 0:
    os.read(looked, 1)
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
    os.execv(words[0], words)
signal.signal(signal.SIGALRM, lambda *_: os.kill(pid, signal.SIGKILL))
signal.alarm(60)
# A read may end within a character.
text = codecs.getincrementaldecoder("utf-8")("replace").decode
seen, cooked = "", termios.tcgetattr(fd)[3]
# Not before: a command that is quick has changed it by then.
os.write(look, b"1")
for wanted, keys in steps:
    at = len(seen)
    try:
        while wanted not in seen[at:]:
            seen += text(os.read(fd, 4096))
        os.write(fd, keys.encode())
    except OSError: break
try:
    while True:
        data = os.read(fd, 4096)
        if not data: break
        seen += text(data)
except OSError: pass
_, status = os.waitpid(pid, 0)
print(json.dumps({"code": os.waitstatus_to_exitcode(status), "seen": seen, "restored": termios.tcgetattr(fd)[3] == cooked}))
`;
  const given = [JSON.stringify(command), JSON.stringify(steps)];
  const { stdout } = await promisify(execFile)("python3", ["-c", script, ...given]);
  return JSON.parse(stdout) as { code: number; seen: string; restored: boolean };
}
