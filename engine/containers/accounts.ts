// Whom a container knows: its /etc/passwd and /etc/group, and lines that they get before its first
// start, where somebody asked for them. They are written to its own storage layer, before anything
// is mounted in its root, so that they reach nothing that others have; what the container makes of
// them from then on is its own.

import { NacreError } from "@nacre/core/error.ts";
import type { ImageProcess } from "@nacre/core/oci/image.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { AccountFiles, NamedAccount } from "@nacre/core/program/account-lines.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { ContainerRequest } from "@nacre/core/program/request.ts";
import type { ContainerRecord, ImageRecord } from "@nacre/core/state/records.ts";
import { containerId, hostId } from "@nacre/core/user-namespace/id-map.ts";
import type { StatePaths } from "../images/paths.ts";
import { keepsId, keptUser } from "./container-root.ts";

const FILE_LIMIT_BYTES = 1 << 20;
const NAMES = ["passwd", "group"] as const;

/** Whom its process is; empty for root. */
export const wantedUser = (container: ContainerRecord, { User = "" }: ImageProcess): string =>
  container.request.user ?? keptUser(container) ?? User;

/** Podman's rule but for a user by number, whom docker gives no line: that one is to be asked for. */
const asksForLines = ({ accounts, userns }: ContainerRequest): boolean =>
  accounts ? (accounts.add ?? true) : keepsId(userns);

/** `NAME`, or whatever stands below it, as one of the container's mounts has it. */
const covers = (target: string, path: string): boolean => {
  const plain = target.replace(/\/+$/, "");
  return path === plain || path.startsWith(`${plain}/`);
};

export class Accounts {
  readonly #kernel: Pick<Kernel, "facts">;
  readonly #files: Files;
  readonly #paths: StatePaths;
  #withAccounts: typeof import("@nacre/core/program/account-lines.ts").withAccounts | undefined;

  constructor(kernel: Pick<Kernel, "facts">, files: Files, paths: StatePaths) {
    this.#kernel = kernel;
    this.#files = files;
    this.#paths = paths;
  }

  /** To be called before a container's lines are asked for. NacreError `not-found` for who is nobody on this machine. */
  async prepare(request: ContainerRequest): Promise<void> {
    if (!asksForLines(request)) return;
    ({ withAccounts: this.#withAccounts } = await import("@nacre/core/program/account-lines.ts"));
    for (const user of request.accounts?.hostUsers ?? []) this.#hostUser(user);
  }

  /** As the next process of a container finds them; the machine's only for `host`. */
  of(container: ContainerRecord, image: ImageRecord | undefined): AccountFiles {
    const stored = this.#stored(container, image);
    return image ? this.#completed(container, image, stored) : stored;
  }

  /** What its layer gets before its first start, in its opened root. */
  operations(container: ContainerRecord, image: ImageRecord | undefined): Operation[] {
    if (!image || !this.#isToGet(container)) return [];
    const stored = this.#stored(container, image);
    const wanted = this.#completed(container, image, stored);
    return NAMES.filter((name) => wanted[name] !== stored[name]).map((name) => ({
      ...{ op: "placeText", path: `/etc/${name}`, data: wanted[name] },
      ...{ mode: 0o644, uid: 0, gid: 0 },
      why: `${name === "passwd" ? "users" : "groups"} that its image does not know`,
    }));
  }

  #isToGet = ({ request, startedMs }: ContainerRecord): boolean =>
    startedMs === undefined && asksForLines(request);

  /** Looked up in the container's own storage layer, then in what is below that. */
  #stored({ id, request }: ContainerRecord, image: ImageRecord | undefined): AccountFiles {
    const { rootDirectory } = request;
    if (!image && !rootDirectory) {
      const [passwd, group] = NAMES.map((name) => this.#files.readText(`/etc/${name}`));
      return { passwd: passwd!, group: group! };
    }
    const below = image ?? { passwd: "", group: "", ...this.#read(rootDirectory!.path) };
    const { upper } = this.#paths.container(id);
    // Nothing has been put there yet: to read it with care takes a tenth of a millisecond.
    if (!this.#files.status(`${upper}/etc`)) return below;
    const { passwd, group } = below;
    return { passwd, group, ...this.#read(upper) };
  }

  /** As far as a directory has them. */
  #read(directory: string): Partial<AccountFiles> {
    const found = NAMES.flatMap((name) => {
      const bytes = this.#files.readBeneath(directory, `etc/${name}`, FILE_LIMIT_BYTES);
      return bytes ? [[name, new TextDecoder().decode(bytes)] as const] : [];
    });
    return Object.fromEntries(found);
  }

  #completed(container: ContainerRecord, image: ImageRecord, stored: AccountFiles): AccountFiles {
    if (!this.#isToGet(container) || !this.#withAccounts) return stored;
    const { request, mounts } = container;
    const config = image.config.config ?? {};
    const isMounted = (path: string) => mounts.some(({ target }) => covers(target, path));
    const { hostUsers = [], passwdEntry, groupEntry } = request.accounts ?? {};
    const kept = this.#kept(container);
    const completed = this.#withAccounts(stored, {
      hostUsers: hostUsers.map((user) => this.#hostUser(user)),
      ...(kept && { kept }),
      user: wantedUser(container, config),
      workingDirectory: request.workingDirectory ?? (config.WorkingDir || "/"),
      hasHome: isMounted,
      ...{ passwdEntry, groupEntry },
    });
    // What is mounted there is somebody else's, and what it covers nobody sees.
    const own = (name: (typeof NAMES)[number]) =>
      (isMounted(`/etc/${name}`) ? stored : completed)[name];
    return { passwd: own("passwd"), group: own("group") };
  }

  /** Undefined where nobody keeps an ID, and where the machine has no name for who does. */
  #kept({ request, users }: ContainerRecord) {
    const own = this.#kernel.facts().userNamespace;
    if (!own || !users || !keepsId(request.userns)) return undefined;
    const account = this.#account(String(hostId(own.uids, 0)));
    const uid = containerId(users.uids, 0);
    const gid = containerId(users.gids, 0);
    if (!account || uid === undefined || gid === undefined) return undefined;
    const number = String(hostId(own.gids, 0));
    const line = this.#lines("/etc/group").find((fields) => fields[2] === number);
    return { ...account, uid, gid, groupName: line?.[0] ?? account.name };
  }

  #hostUser(user: string): NamedAccount {
    const account = this.#account(user);
    if (account) return account;
    throw new NacreError("not-found", `--hostuser: there is no user ${user} on this machine`, {
      advice: "Name one of /etc/passwd, by name or number.",
    });
  }

  /** Of the machine, by name or number. */
  #account(user: string): NamedAccount | undefined {
    const found = this.#lines("/etc/passwd").find(
      (fields) => fields.length > 5 && (fields[0] === user || fields[2] === user),
    );
    if (!found) return undefined;
    const [name = "", , uid, gid, gecos = "", home = ""] = found;
    const [fullName = ""] = gecos.split(",");
    return { name, uid: Number(uid), gid: Number(gid), fullName, home };
  }

  #lines(path: string): string[][] {
    if (!this.#files.status(path)) return [];
    const text = this.#files.readText(path);
    return text.split("\n").map((line) => line.split(":"));
  }
}
