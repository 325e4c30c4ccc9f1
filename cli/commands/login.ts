import { NacreError } from "@nacre/core/error.ts";
import { command } from "../command.ts";
import type { Host } from "../host.ts";
import { interruptible } from "../interruption.ts";
import { flag, text } from "../options.ts";
import { tlsVerify } from "../registry-options.ts";
import { neutralise } from "../text/escape.ts";

const LIMIT_BYTES = 1 << 20;

export default command({
  usage: "[OPTIONS] [SERVER]",
  description:
    "Tries a user name and a password at a registry, Docker Hub if none is named, and keeps them where docker and podman find them too: by a credential helper, or in a file that only you can read. Without a user name what is kept is tried.",
  options: {
    password: text(
      ["password", "p"],
      "string",
      "The password, for everybody on this machine to see",
    ),
    passwordStdin: flag(["password-stdin"], "Take the password from standard input"),
    tlsVerify,
    username: text(["username", "u"], "string", "The user name"),
  },
  operands: { least: 0, most: 1 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [
    ["nacre login -u ada registry.example", "asks for the password"],
    ["nacre login -u ada --password-stdin registry.example <secret", "takes it from a file"],
  ],
  async run(context, options, [server]) {
    const { host } = context;
    const engine = await context.engine();
    const credential = await given(host, options);
    return interruptible(host, async (signal) => {
      const known = credential ? undefined : kept(engine.registries.logins(), server);
      if (known) host.print("Authenticating with existing credentials...\n");
      const { keptIn } = await engine.registries.login(server, {
        ...{ insecure: !options.tlsVerify, signal },
        ...(credential && { credential }),
      });
      if (keptIn !== undefined && !keptIn.startsWith("docker-credential-")) {
        host.printError(
          `WARNING! Your password is stored unencrypted in ${neutralise(keptIn)}.\nA credential helper (credsStore, credHelpers) keeps it better.\n`,
        );
      }
      host.print("Login Succeeded\n");
      return 0;
    });
  },
});

interface Given {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly passwordStdin: boolean;
}

/** What was typed, or asked for at a terminal; undefined where what is kept shall do. */
async function given(host: Host, { username, password, passwordStdin }: Given) {
  if (passwordStdin && password !== undefined) {
    throw invalid("--password and --password-stdin are mutually exclusive");
  }
  if (passwordStdin && username === undefined) throw invalid("--password-stdin needs --username");
  if (password !== undefined) {
    host.printError("WARNING! Using --password is insecure. Use --password-stdin.\n");
    if (username === undefined) throw invalid("--password needs --username");
  }
  if (username === undefined) return undefined;
  const secret = password ?? (passwordStdin ? await fromInput(host) : asked(host));
  if (secret === "") throw invalid("the password is empty");
  return { kind: "password", username, password: secret } as const;
}

/** All of standard input, but for the line break at its end. */
async function fromInput(host: Host): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of host.inputBytes("-")) {
    size += chunk.length;
    if (size > LIMIT_BYTES) throw invalid("what comes from standard input is no password");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks)
    .toString("utf8")
    .replace(/\r?\n$/, "");
}

function asked(host: Host): string {
  if (!host.isTerminal(0)) {
    throw new NacreError(
      "invalid",
      "a password cannot be asked for: standard input is no terminal",
      {
        advice: "Use --password-stdin.",
      },
    );
  }
  host.printError("Password: ");
  const secret = host.readSecret();
  host.printError("\n");
  return secret;
}

function kept(logins: readonly string[], server: string | undefined): boolean {
  return logins.includes(server ?? "docker.io");
}

const invalid = (message: string): NacreError => new NacreError("invalid", message);
