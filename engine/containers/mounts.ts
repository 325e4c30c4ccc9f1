// What is mounted in a container: from what was asked for to what its record keeps, and from there
// to mounts as the kernel can do them.

import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Snapshotter, StorageLayer } from "@nacre/core/ports/snapshotter.ts";
import type { Transaction } from "@nacre/core/ports/state-store.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import { mappedId } from "@nacre/core/program/outside.ts";
import type {
  BindRequest,
  ContainerMount,
  ContainerRequest,
  IdMapRequest,
  IdRange,
  ImageMountRequest,
  NamedVolume,
  PlainMount,
  RequestedMount,
} from "@nacre/core/program/request.ts";
import type { ProcessUser } from "@nacre/core/program/user.ts";
import type { ContainerRecord, EventRecord, ImageRecord } from "@nacre/core/state/records.ts";
import type { IdMap, UserMaps } from "@nacre/core/user-namespace/id-map.ts";
import type { ImageService } from "../images/images.ts";
import type { StatePaths } from "../images/paths.ts";
import type { ContainerSecrets } from "../secrets/container-secrets.ts";
import type { VolumeFiller } from "../volumes/fill.ts";
import { DEFAULT_DRIVER, type VolumeRecords, type VolumeWish } from "../volumes/volume-records.ts";
import { checkVolumeName, type VolumeService } from "../volumes/volumes.ts";
import { keepsId } from "./container-root.ts";
import { borrowedMounts, imageVolumes, withoutTaken } from "./mount-sources.ts";
import type { RecordedMounts } from "./recorded-mounts.ts";
import { checkMountTarget } from "./request-check.ts";
import { systemdMounts } from "./systemd-mode.ts";
import type { UserChooser } from "./user-chooser.ts";

/** What a container will have mounted, and the volumes among it that are its own. */
export interface ResolvedMounts extends RecordedMounts {
  /** As they would be if it were recorded now. */
  readonly example: () => Pick<ContainerRecord, "mounts" | "users" | "secrets">;
  readonly wishes: readonly Wish[];
}

interface Wish extends VolumeWish {
  /** There was none when it was looked for. */
  readonly isNew: boolean;
}

/** Operations that come before the container's own, and what is mounted in its root. */
export interface MountPlan {
  readonly host: readonly Operation[];
  readonly child: readonly Operation[];
  readonly mounts: readonly PlainMount[];
}

/** A directory that is a container's root, and where a part of it may wait on its way. */
interface Spooled {
  readonly root: string;
  readonly mapped: boolean;
  readonly spool: string;
}

export class ContainerMounts {
  readonly #files: Files;
  readonly #images: ImageService;
  readonly #volumes: VolumeService;
  readonly #records: VolumeRecords;
  readonly #filler: VolumeFiller;
  readonly #paths: StatePaths;
  readonly #find: (container: string) => ContainerRecord;
  readonly #users: UserChooser;
  readonly #secrets: ContainerSecrets;

  constructor(
    files: Files,
    images: ImageService,
    volumes: VolumeService,
    records: VolumeRecords,
    filler: VolumeFiller,
    paths: StatePaths,
    find: (container: string) => ContainerRecord,
    users: UserChooser,
    secrets: ContainerSecrets,
  ) {
    this.#files = files;
    this.#images = images;
    this.#volumes = volumes;
    this.#records = records;
    this.#filler = filler;
    this.#paths = paths;
    this.#find = find;
    this.#users = users;
    this.#secrets = secrets;
  }

  /** Looks everything up that can be refused, and makes nothing. NacreError `not-found`, `invalid`. */
  async resolve(
    request: ContainerRequest,
    image: ImageRecord | undefined,
  ): Promise<ResolvedMounts> {
    const borrowed = (request.volumesFrom ?? []).flatMap((word) =>
      borrowedMounts(word, this.#find),
    );
    const asked: RequestedMount[] = [...withoutTaken(borrowed, request.mounts), ...request.mounts];
    const named = [...asked, ...withoutTaken(imageVolumes(image), asked)];
    const all = request.systemd ? [...named, ...systemdMounts(request, named)] : named;
    const wishes: Wish[] = [];
    const mounts: ContainerMount[] = [];
    for (const mount of all) {
      checkMountTarget(mount);
      mounts.push(await this.#resolved(mount, wishes));
    }
    const users = await this.#users(request);
    const secrets = request.secrets && { secrets: this.#secrets.chosen(request.secrets) };
    const claim = (t: Transaction, events: EventRecord[]) => {
      for (const wish of wishes) this.#records.claim(t, wish, events);
      return { ...users(t), ...secrets };
    };
    const example = () => ({ mounts, ...this.#records.read(users), ...secrets });
    return { mounts, wishes, claim, example };
  }

  /**
   * Makes what is not there: directories that -v names, volumes, what the image has for those that
   * are empty, and copies of secrets; `again` where only what a killed creation has not made is missing.
   */
  async make(
    { id, mounts, request, users, secrets }: ContainerRecord,
    image: ImageRecord | undefined,
    { again }: { readonly again: boolean },
  ): Promise<void> {
    // Who keeps their ID, and is who it executes as, has a new volume as it is made: it is theirs.
    const isKept = keepsId(request.userns) && request.user === undefined;
    const owners = isKept ? undefined : users;
    for (const mount of mounts) {
      if (mount.type === "bind") this.#makeSource(mount);
      if (mount.type === "volume") {
        const content = { image, ...this.#directoryOf(id, request) };
        await this.#makeVolume(mount, content, again, { users, owners });
      }
    }
    if (secrets) this.#secrets.copy(id, secrets);
    if (request.namespaces?.ipc === "shareable") {
      for (const path of [this.#paths.mounts, this.#paths.locks]) this.#files.makeDirectory(path);
    }
    for (const { work, upper, rootfs } of this.#imageStorage(id, mounts)) {
      for (const path of [work, rootfs]) this.#files.makeDirectory(path);
      // The root of what is mounted has the mode and the owner of its upper directory.
      this.#files.makeDirectory(upper, 0o755);
      if (users) await this.#filler.giveOwned(upper, users);
    }
  }

  /** Of a creation that came to nothing: volumes that it made, and that nobody else has taken. */
  async discard({ wishes }: ResolvedMounts): Promise<void> {
    for (const { name, isNew } of wishes) if (isNew) await this.#volumes.discard(name);
  }

  /** `user`: who the container's process is. */
  plan(
    { id, mounts, users }: Pick<ContainerRecord, "id" | "mounts" | "users">,
    snapshotter: Snapshotter | undefined,
    user: ProcessUser,
  ): MountPlan {
    const host: Operation[] = [];
    const child: Operation[] = [];
    const storages = this.#imageStorage(id, mounts);
    const plain = mounts.map((mount): PlainMount => {
      if (mount.type === "tmpfs") return mount;
      if (mount.type === "bind") return this.#withOwner(mount, user, users);
      if (mount.type === "volume") {
        const plan = this.#volumes.plan(mount);
        host.push(...plan.host);
        return boundVolume(mount, plan);
      }
      const storage = storages.shift()!;
      const plan = this.#imageRoot(mount, snapshotter, storage);
      host.push(...plan.host);
      child.push(...plan.child);
      return boundImage(mount, storage.rootfs);
    });
    return { host, child, mounts: plain };
  }

  // -- parts ------------------------------------------------------------------------------------

  async #resolved(mount: RequestedMount, wishes: Wish[]): Promise<ContainerMount> {
    if (mount.type === "image") {
      const { image } = this.#images.get(mount.source);
      return { ...mount, source: image.id };
    }
    if (mount.type === "bind" && mount.mustExist && !this.#files.status(mount.source)) {
      throw new NacreError(
        "invalid",
        `invalid mount config for type "bind": bind source path does not exist: ${mount.source}`,
        { advice: "Make it first, or use -v, which makes a directory." },
      );
    }
    if (mount.type !== "volume") return mount;
    const { driver, options, labels, name } = mount;
    const named = {
      ...mount,
      name: name === undefined ? this.#volumes.newName() : checkVolumeName(name),
    };
    const known = this.#records.find(named.name);
    const port = await this.#volumes.driver(driver ?? known?.driver ?? DEFAULT_DRIVER);
    if (options) port.check(options);
    wishes.push({
      name: named.name,
      isNew: known === undefined,
      anonymous: name === undefined,
      ...(driver !== undefined && !known && { driver }),
      ...(options && { options }),
      ...(labels && { labels }),
    });
    return named;
  }

  #makeSource({ source, mustExist }: BindRequest): void {
    if (mustExist || this.#files.status(source)) return;
    this.#files.makeDirectory(source, 0o755);
  }

  async #makeVolume(
    mount: NamedVolume,
    { image, directory }: { readonly image: ImageRecord | undefined; readonly directory?: Spooled },
    again: boolean,
    { users, owners }: Record<"users" | "owners", UserMaps | undefined>,
  ): Promise<void> {
    const volume = this.#volumes.described(mount);
    const driver = await this.#volumes.driver(volume.driver);
    const { fillable, path } = driver.plan(volume);
    const wanted = fillable && !mount.noCopy && !(again && this.#files.status(path));
    if (image && wanted) {
      const content = this.#images.content(image);
      await this.#filler.fill(mount.name, path, mount.target, content, users);
    } else if (directory && wanted) {
      const from = { ...directory, place: mount.target };
      await this.#filler.fillFrom(mount.name, path, from, directory.mapped ? users : undefined);
    }
    await driver.make(volume);
    if (owners && fillable) await this.#filler.giveTo(path, owners);
  }

  /** Of a container whose root is one: seen with the container's users below a layer of its own alone. */
  #directoryOf(id: string, { rootDirectory }: ContainerRequest): { readonly directory?: Spooled } {
    if (!rootDirectory) return {};
    const { path: root, overlay: mapped } = rootDirectory;
    const { directory } = this.#paths.container(id);
    this.#files.makeDirectory(directory);
    return { directory: { root, mapped, spool: `${directory}/copied` } };
  }

  #imageStorage(id: string, mounts: readonly ContainerMount[]): StorageLayer[] {
    const { directory } = this.#paths.container(id);
    return mounts
      .filter(({ type }) => type === "image")
      .map((_, n) => {
        const own = `${directory}/images/${n}`;
        return { upper: `${own}/upper`, work: `${own}/work`, rootfs: `${own}/rootfs` };
      });
  }

  imageOf = ({ source }: Pick<ImageMountRequest, "source">): ImageRecord =>
    this.#images.get(source).image;

  #imageRoot(
    { source }: ImageMountRequest,
    snapshotter: Snapshotter | undefined,
    storage: StorageLayer,
  ) {
    const { image } = this.#images.get(source);
    const chainId = image.chainIds.at(-1);
    if (!snapshotter || chainId === undefined) {
      throw new NacreError("unsupported", `the image ${source} cannot be mounted`);
    }
    const { layers } = this.#images.content(image);
    return snapshotter.root(chainId, layers, storage, { readOnly: true, ephemeral: true });
  }

  /** Who is shown as whom, by the machine's IDs. In a container with users of its own, `idmap` alone is all of them. */
  #withOwner(mount: BindRequest, user: ProcessUser, users: UserMaps | undefined): BindRequest {
    const { idmap } = mount;
    if (idmap === undefined) return mount;
    if (idmap !== "owner") return users ? { ...mount, idmap: shownInside(idmap, users) } : mount;
    if (users) return { ...mount, idmap: ownUsers(users) };
    const owner = this.#files.status(mount.source);
    const range = (stored: number, shown: number) => [{ stored, shown, length: 1 }];
    return {
      ...mount,
      idmap: {
        uids: range(owner?.uid ?? 0, user.uid),
        gids: range(owner?.gid ?? 0, user.gid),
      },
    };
  }
}

function boundVolume(
  { target, readOnly, subpath }: NamedVolume,
  plan: ReturnType<VolumeService["plan"]>,
): BindRequest {
  return {
    type: "bind",
    source: plan.path,
    target,
    readOnly: readOnly || plan.attributes.includes("ro"),
    recursive: plan.recursive,
    propagation: "private",
    attributes: plan.attributes.filter((name) => name !== "ro"),
    ...(subpath !== undefined && { subpath }),
  };
}

function boundImage({ target, subpath }: ImageMountRequest, source: string): BindRequest {
  return {
    ...{ type: "bind", source, target, readOnly: true, recursive: false, propagation: "private" },
    ...(subpath !== undefined && { subpath }),
  };
}

/** A mount of a build's step: one with `idmap` has the step's IDs, and nothing to be shown where these are the machine's. */
export function ofStep(mount: PlainMount, users: UserMaps | undefined): PlainMount {
  if (mount.type !== "bind" || mount.idmap !== "owner") return mount;
  const { idmap: _, ...plain } = mount;
  return users ? { ...plain, idmap: ownUsers(users) } : plain;
}

const ownUsers = ({ uids, gids }: UserMaps) => {
  const ranges = (map: IdMap) =>
    map.map(({ containerID, hostID, size }) => ({
      stored: containerID,
      shown: hostID,
      length: size,
    }));
  return { uids: ranges(uids), gids: ranges(gids) };
};

/** What a user writes is about the container's IDs. NacreError `invalid` for one that it has not. */
function shownInside(idmap: Exclude<IdMapRequest, "owner">, users: UserMaps) {
  const ranges = (all: readonly IdRange[], map: IdMap) =>
    all.map((range) => {
      const shown = mappedId(map, range.shown, "idmap");
      mappedId(map, range.shown + range.length - 1, "idmap");
      return { ...range, shown };
    });
  return { uids: ranges(idmap.uids, users.uids), gids: ranges(idmap.gids, users.gids) };
}
