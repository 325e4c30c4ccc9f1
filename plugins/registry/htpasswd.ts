// Who may ask, by an htpasswd file: NAME:HASH lines, passwords by bcrypt (htpasswd -B). Other hashes
// that Apache has are not taken: they are broken in seconds.

import { createHash } from "node:crypto";
import { NacreError } from "@nacre/core/error.ts";
import { compare } from "bcryptjs";

const BCRYPT = /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/;
/** Of a name that there is not, so that it takes as long to refuse: of no password that can be given. */
const NOBODY = "$2b$10$abcdefghijklmnopqrstuuKwJ3Fh0G1V0v8Jc0v0Q0Q0Q0Q0Q0Q0Q";

export class Htpasswd {
  readonly #hashes = new Map<string, string>();
  /** Answers that were right, by a digest: bcrypt takes its time, and every request asks. */
  readonly #known = new Set<string>();

  /** NacreError `invalid` for a line that is none. */
  constructor(text: string) {
    for (const [at, line] of text.split(/\r?\n/).entries()) {
      if (line === "" || line.startsWith("#")) continue;
      const colon = line.indexOf(":");
      const hash = line.slice(colon + 1);
      if (colon <= 0 || !BCRYPT.test(hash)) {
        throw new NacreError("invalid", `line ${at + 1} of the htpasswd file is no NAME:BCRYPT`, {
          advice: "Make it with htpasswd -B -c FILE NAME.",
        });
      }
      this.#hashes.set(line.slice(0, colon), hash);
    }
  }

  /** The user of an Authorization field; undefined for nobody who is known. */
  async user(authorization: string | undefined): Promise<string | undefined> {
    const [, encoded] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(authorization ?? "") ?? [];
    if (encoded === undefined) return undefined;
    const text = Buffer.from(encoded, "base64").toString("utf8");
    const colon = text.indexOf(":");
    if (colon <= 0) return undefined;
    const [name, password] = [text.slice(0, colon), text.slice(colon + 1)];
    const digest = createHash("sha256").update(text).digest("base64");
    if (this.#known.has(digest)) return name;
    const hash = this.#hashes.get(name);
    const right = await compare(password, hash ?? NOBODY);
    if (!right || hash === undefined) return undefined;
    this.#known.add(digest);
    return name;
  }
}
