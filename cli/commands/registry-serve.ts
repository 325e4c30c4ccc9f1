import { NacreError } from "@nacre/core/error.ts";
import { command } from "../command.ts";
import { FlagError } from "../flag-error.ts";
import type { Host } from "../host.ts";
import { flag, text, value } from "../options.ts";
import { neutralise } from "../text/escape.ts";

const LOOPBACK = ["127.0.0.1", "::1", "localhost"];

export default command({
  usage: "[OPTIONS]",
  description:
    "Serves the images of this machine by the OCI distribution specification until it is interrupted, under the names by which nacre images shows them; what others push runs here. Only this machine is listened to unless an address is given; other addresses want --htpasswd and --tls-cert, or --insecure.",
  options: {
    address: value(
      ["address", "a"],
      "host:port",
      "Where to listen (default 127.0.0.1:5000)",
      placeOf,
    ),
    htpasswd: text(["htpasswd"], "file", "Ask who it is: names and passwords by bcrypt", "files"),
    insecure: flag(["insecure"], "Serve others without passwords or without TLS"),
    quiet: flag(["quiet", "q"], "Print nothing but the address"),
    readOnly: flag(["read-only"], "Take nothing and remove nothing"),
    tlsCert: text(["tls-cert"], "file", "The server's certificate, in PEM", "files"),
    tlsKey: text(["tls-key"], "file", "The certificate's key, in PEM", "files"),
  },
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [
    ["nacre registry serve", "for this machine: docker pull localhost:5000/debian:12"],
    [
      "nacre registry serve -a :5000 --htpasswd users --tls-cert c.pem --tls-key k.pem",
      "for others",
    ],
  ],
  async run(context, options) {
    const { host } = context;
    const { address = placeOf("") } = options;
    const { tlsCert, tlsKey, quiet, readOnly } = options;
    if ((tlsCert === undefined) !== (tlsKey === undefined)) {
      throw new NacreError("invalid", "a certificate and its key are given together");
    }
    const guarded = options.htpasswd !== undefined && tlsCert !== undefined;
    if (!LOOPBACK.includes(address.host) && !guarded && !options.insecure) {
      throw new NacreError("invalid", "others would be served without passwords, or without TLS", {
        advice: "Give --htpasswd, --tls-cert and --tls-key, or --insecure if you mean it.",
      });
    }
    const { registries } = await context.engine();
    const served = await registries.serve({
      ...{ ...address, readOnly },
      ...(tlsCert !== undefined && {
        tls: { cert: file(host, tlsCert), key: file(host, tlsKey!) },
      }),
      ...(options.htpasswd !== undefined && { htpasswd: file(host, options.htpasswd) }),
      ...(!quiet && {
        answered: ({ method, path, status, user = "-" }) =>
          host.print(`${neutralise(user)} ${method} ${neutralise(path)} ${status}\n`),
      }),
    });
    host.print(quiet ? `${served.address}\n` : `Serving images at ${served.url}\n`);
    await interrupted(host);
    await served.close();
    return 0;
  },
});

/** `host:port`, `:port`, `host` or nothing. @throws FlagError */
function placeOf(word: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain = "", port = "5000"] =
    /^(?:\[([^\]]+)\]|([^:]*))(?::(\d{1,5}))?$/.exec(word) ?? [];
  const host = bracketed ?? plain;
  const open = word.startsWith(":") ? "0.0.0.0" : "127.0.0.1";
  if (Number(port) <= 65_535 && (host !== "" || word === "" || word.startsWith(":"))) {
    return { host: host === "" ? open : host, port: Number(port) };
  }
  throw new FlagError("it looks like 127.0.0.1:5000, [::1]:5000 or :5000");
}

function file(host: Host, path: string): string {
  try {
    return host.readText(path);
  } catch (cause) {
    throw new NacreError("not-found", `${JSON.stringify(path)} cannot be read`, { cause });
  }
}

function interrupted(host: Host): Promise<void> {
  return new Promise((resolve) => {
    const release = host.onSignals(["SIGINT", "SIGTERM", "SIGHUP"], () => {
      release();
      resolve();
    });
  });
}
