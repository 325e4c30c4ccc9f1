// Where everything lives below the state root: one place that knows.

/** The hex part of `sha256:…`, the name of what a digest names. */
const hexOf = (digest: string): string => digest.slice(digest.indexOf(":") + 1);
const algorithmOf = (digest: string): string => digest.slice(0, digest.indexOf(":"));

export class StatePaths {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  get database(): string {
    return `${this.root}/state.db`;
  }
  /** Blobs exactly as the registry sent them. */
  get blobs(): string {
    return `${this.root}/blobs`;
  }
  blob(digest: string): string {
    return `${this.blobs}/${algorithmOf(digest)}/${hexOf(digest)}`;
  }
  /** Uncompressed tars and their indexes, by diff ID. */
  get layers(): string {
    return `${this.root}/layers`;
  }
  layerTar(diffId: string): string {
    return `${this.layers}/${hexOf(diffId)}.tar`;
  }
  layerIndex(diffId: string): string {
    return `${this.layers}/${hexOf(diffId)}.idx`;
  }
  /** What was renamed away in the transaction that forgot it, and is being deleted. */
  get trash(): string {
    return `${this.root}/trash`;
  }
  /** Where one snapshotter keeps what it commits. */
  snapshots(snapshotter: string): string {
    return `${this.root}/snapshots/${snapshotter}`;
  }
  get mounts(): string {
    return `${this.root}/mounts`;
  }
  /** Where an image's shared lower is mounted while containers run. */
  mount(chainId: string): string {
    return `${this.mounts}/${hexOf(chainId)}`;
  }
  get locks(): string {
    return `${this.root}/locks`;
  }
  /** Counts the users of a shared mount; see ShareMount. */
  mountLock(chainId: string): string {
    return `${this.locks}/${hexOf(chainId)}`;
  }
  /** The empty directory on which every container's root is mounted, each in its own mount namespace. */
  get rootfs(): string {
    return `${this.root}/rootfs`;
  }
  /** The empty directory on which a container's own /etc files are mounted, likewise. */
  get files(): string {
    return `${this.root}/files`;
  }
  /** Namespaces that are kept alive, each pin in a directory of its name. */
  get pins(): string {
    return `${this.root}/pins`;
  }
  pin(name: string): { readonly parent: string; readonly directory: string } {
    return { parent: this.pins, directory: `${this.pins}/${name}` };
  }
  /** What builds that run have written down; see Scratch. */
  get builds(): string {
    return `${this.root}/builds`;
  }
  /** Blobs that others are sending. */
  get uploads(): string {
    return `${this.root}/uploads`;
  }
  upload(id: string): string {
    return `${this.uploads}/${id}`;
  }
  /** Directories that steps of builds share. */
  get cacheMounts(): string {
    return `${this.root}/cache-mounts`;
  }
  /** Compiled filters of system calls, each by all that it depends on. */
  get filters(): string {
    return `${this.root}/filters`;
  }
  filter(name: string): string {
    return `${this.filters}/${name}`;
  }
  get volumes(): string {
    return `${this.root}/volumes`;
  }
  /** A volume of the local driver. */
  volume(name: string): { readonly directory: string; readonly data: string } {
    const directory = `${this.volumes}/${name}`;
    return { directory, data: `${directory}/_data` };
  }
  /** A mount that containers share and that is none of an image's, counted likewise. */
  sharedMount(name: string): { readonly lock: string; readonly target: string } {
    return { lock: `${this.locks}/${name}`, target: `${this.mounts}/${name}` };
  }
  /** What secrets say, each by its ID. */
  get secrets(): string {
    return `${this.root}/secrets`;
  }
  secret(id: string): string {
    return `${this.secrets}/${id}`;
  }
  get containers(): string {
    return `${this.root}/containers`;
  }
  container(id: string): ContainerPaths {
    const directory = `${this.containers}/${id}`;
    return {
      directory,
      removed: `${directory}.removed`,
      upper: `${directory}/upper`,
      work: `${directory}/work`,
      log: `${directory}/log.json`,
      exit: `${directory}/exit`,
      attach: `${directory}/attach`,
      secrets: `${directory}/secrets`,
    };
  }
}

export interface ContainerPaths {
  readonly directory: string;
  /** Where it goes to be deleted: it is there whole, or not at all. */
  readonly removed: string;
  /** The storage layer: overlay's upper directory. */
  readonly upper: string;
  readonly work: string;
  readonly log: string;
  /** The exit record that the supervisor writes. */
  readonly exit: string;
  /** The socket at which its supervisor shares its streams. */
  readonly attach: string;
  /** Its copies of secrets, by their places in its record. */
  readonly secrets: string;
}
