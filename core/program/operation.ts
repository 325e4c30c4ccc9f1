// The operations of which a KernelProgram is made: data, one kind a kernel concept. A backend
// executes them in order; it has no opinion about them. What undoes an operation is itself an
// operation (see inverse.ts), so that a failure at step k is undone by steps k-1 … 0.
//
// Sections, in the order in which they run:
//
//   host    in the host's namespaces, before the container's first process exists
//   parent  in the host's namespaces, when the child exists and waits; may name it
//   child   in the child's new namespaces, up to and with `execute`
//
// Effects of the host section are undone by inverses. Effects of the parent and child sections
// live in the child's namespaces and cgroup memberships, and vanish with its last process.
//
// Paths: `path` and `target` of an operation whose name ends in InRoot are names inside the
// container's root, which is opened once (`openRoot`); they are resolved with
// openat2(RESOLVE_IN_ROOT), so that no symlink, `..` or race leads out of it. All other paths
// are absolute names of the host's own tree, made by the engine and never by an image.

import type { Explained, Ownership } from "./explained.ts";
import type { MountAttribute, MountDescription, OwnerMap } from "./mount-description.ts";
import type { ConnectListener, FilterSystemCalls } from "./operation-of-filter.ts";
import type { KillAfter, SetLimit } from "./operation-of-limits.ts";
import type { RuntimeOperation } from "./operation-of-runtime.ts";

// -- anywhere ---------------------------------------------------------------------------------

/** mkdir(2). With `existing: "keep"` a directory that is there is left, and not undone. */
export interface MakeDirectory extends Explained {
  readonly op: "makeDirectory";
  readonly path: string;
  readonly mode: number;
  readonly existing: "fail" | "keep";
}
/** rmdir(2); absent is fine. EBUSY is tried again until `retryMs` has passed. With `ifUnused`, ENOTEMPTY and EBUSY are fine. */
export interface RemoveDirectory extends Explained {
  readonly op: "removeDirectory";
  readonly path: string;
  readonly retryMs: number;
  readonly ifUnused: boolean;
}
/** One write(2) into a file that exists: cgroup and proc control files. Not undone: such values go with their directory. */
export interface WriteFile extends Explained {
  readonly op: "writeFile";
  readonly path: string;
  readonly data: string;
}
/** open(O_CREAT|O_EXCL) and write. */
export interface CreateFile extends Explained {
  readonly op: "createFile";
  readonly path: string;
  readonly mode: number;
  readonly data: string;
}
/** unlink(2); absent is fine. */
export interface RemoveFile extends Explained {
  readonly op: "removeFile";
  readonly path: string;
}
/** A cgroup's directory. `shared`: may exist, and its inverse removes it only when it is empty. A parent that a neighbour removed meanwhile is made again. */
export interface MakeCgroup extends Explained {
  readonly op: "makeCgroup";
  readonly path: string;
  readonly shared: boolean;
}
/** Mounts at an absolute path of the current mount namespace. */
export interface Mount extends Explained {
  readonly op: "mount";
  readonly mount: MountDescription;
  readonly target: string;
}
/** A bind mount of `source`, without what is mounted below it, on `target`, which exists. Of a file of /proc/PID/ns it keeps the namespace alive (nsfs). With `idmap` it shows other owners. */
export interface Bind extends Explained {
  readonly op: "bind";
  readonly source: string;
  readonly target: string;
  readonly idmap?: OwnerMap;
}
/** setfsuid(2), setfsgid(2): whose files new ones are, by the machine's numbers. The powers over files stay (SECBIT_NO_SETUID_FIXUP). */
export interface ActAsOwner extends Explained {
  readonly op: "actAsOwner";
  readonly uid: number;
  readonly gid: number;
}
/** Other options for the file system that is mounted at `target`: fspick(2), fsconfig(2). `before` undoes it. */
export interface Remount extends Explained {
  readonly op: "remount";
  readonly target: string;
  readonly options: readonly string[];
  readonly before: readonly string[];
}
/** umount2(2) with MNT_DETACH where asked; not a mount point is fine. */
export interface Unmount extends Explained {
  readonly op: "unmount";
  readonly target: string;
  readonly detach: boolean;
}
/**
 * A mount that all who need it share, counted by shared flock(2)s on `lock`: the first mounts it,
 * the inverse of the last unmounts it. A killed holder's lock goes with it.
 */
export interface ShareMount extends Explained {
  readonly op: "shareMount";
  readonly lock: string;
  readonly mount: MountDescription;
  readonly target: string;
}
/** Gives up this process's part of a shared mount; the last one unmounts and removes the target. */
export interface ReleaseMount extends Explained {
  readonly op: "releaseMount";
  readonly lock: string;
  readonly target: string;
}
/**
 * The program that decides over the devices of a cgroup v2 and all below it (device-filter.ts):
 * bpf(2) BPF_PROG_LOAD and BPF_PROG_ATTACH, beside those of others (BPF_F_ALLOW_MULTI). One that
 * this operation attached there before is replaced in one step; `before` undoes that. Without it
 * nothing is undone: the program goes with the directory, and never before it.
 */
export interface AttachDeviceFilter extends Explained {
  readonly op: "attachDeviceFilter";
  readonly path: string;
  readonly instructions: Uint8Array;
  readonly before?: Uint8Array;
}
/** Fails with `errno` on purpose: how tests and `--fail-at` make any step of a program fail. */
export interface Fail extends Explained {
  readonly op: "fail";
  readonly errno: number;
  /** The process that carries it out is gone in that moment, as by SIGKILL: it undoes nothing. */
  readonly fatal?: boolean;
}

// -- parent -----------------------------------------------------------------------------------

/** Writes the child's pid to `path`/cgroup.procs. */
export interface JoinCgroup extends Explained {
  readonly op: "joinCgroup";
  readonly path: string;
}
/** Writes /proc/CHILD/`name`: oom_score_adj, uid_map, gid_map, setgroups. */
export interface WriteProcessFile extends Explained {
  readonly op: "writeProcessFile";
  readonly name: string;
  readonly data: string;
}

// -- child, before enterRoot --------------------------------------------------------------------

export type NamespaceKind = "mnt" | "pid" | "uts" | "ipc" | "net" | "cgroup" | "user" | "time";

/** unshare(2) of namespaces that must follow the joining of cgroups. */
export interface Unshare extends Explained {
  readonly op: "unshare";
  readonly namespaces: readonly NamespaceKind[];
}
/** Propagation of the mount at `path`, or of every mount below it. In the host section it goes with that mount. */
export interface SetPropagation extends Explained {
  readonly op: "setPropagation";
  readonly path: string;
  readonly mode: "private" | "slave" | "shared" | "unbindable";
  readonly recursive: boolean;
}
/** Opens the directory that will be the container's root; what ends in InRoot works on it. In the child a plain directory is bound onto itself, because pivot_root(2) needs a mount. */
export interface OpenRoot extends Explained {
  readonly op: "openRoot";
  readonly path: string;
}
/** A fresh mount inside the root; a missing target is made (directories 0755). For proc and sysfs no part of the target may be a link (ELOOP): masks name it again. */
export interface MountInRoot extends Explained {
  readonly op: "mountInRoot";
  readonly mount: MountDescription;
  readonly target: string;
  /** The mount begins with a copy of the tree that it covers, as tmpfs can. */
  readonly copyUp?: boolean;
}
/** A bind mount of `source` (a host path) inside the root: open_tree(2), mount_setattr(2), move_mount(2). A missing target is made, of the source's kind. */
export interface BindInRoot extends Explained {
  readonly op: "bindInRoot";
  readonly source: string;
  /** A name below `source`, which somebody else may be changing: openat2(RESOLVE_IN_ROOT), so that no link leads out of it. */
  readonly subpath?: string;
  readonly idmap?: OwnerMap;
  readonly target: string;
  readonly recursive: boolean;
  readonly attributes: readonly MountAttribute[];
  readonly propagation: "private" | "slave" | "shared" | "unbindable";
}
/** Hides a file (behind /dev/null, verified to be device 1:3) or a directory (behind an empty read-only tmpfs). Absent is fine. */
export interface MaskInRoot extends Explained {
  readonly op: "maskInRoot";
  readonly path: string;
}
/** Binds a path onto itself read-only. Absent is fine. */
export interface ReadOnlyInRoot extends Explained {
  readonly op: "readOnlyInRoot";
  readonly path: string;
}
/** pivot_root(2) into the opened root; the old one is detached. What ends in InRoot may still follow. */
export interface EnterRoot extends Explained {
  readonly op: "enterRoot";
  /** chroot(2) instead, for who has no mount namespace of its own: the machine's tree stays mounted. */
  readonly chroot?: boolean;
}

// -- child, after enterRoot ---------------------------------------------------------------------

/** mount_setattr(2) on the mount at `path`, after pivot_root, and with `recursive` on all below it: what is to hold, and what is to hold no more. */
export interface SetMountAttributes extends Explained {
  readonly op: "setMountAttributes";
  readonly path: string;
  readonly attributes: readonly MountAttribute[];
  readonly cleared?: readonly MountAttribute[];
  readonly recursive?: boolean;
}
export interface SetHostname extends Explained {
  readonly op: "setHostname";
  readonly name: string;
}
export interface SetDomainname extends Explained {
  readonly op: "setDomainname";
  readonly name: string;
}
/** Sets a network interface of the current namespace up: SIOCSIFFLAGS. */
export interface LinkUp extends Explained {
  readonly op: "linkUp";
  readonly name: string;
}
/** Writes /proc/sys/NAME through a procfs of its own, which nothing in the container can redirect. `name` with dots or slashes. */
export interface SetSysctl extends Explained {
  readonly op: "setSysctl";
  readonly name: string;
  readonly value: string;
}
export interface SetUmask extends Explained {
  readonly op: "setUmask";
  readonly mask: number;
}
/** A session of its own: setsid(2). */
export interface NewSession extends Explained {
  readonly op: "newSession";
}
/** Opens a pty of the devpts at /dev/pts of the opened root, makes it the controlling terminal and the standard streams, puts it at /dev/console, unless that is the first process's, and hands the master to the parent. */
export interface OpenTerminal extends Explained {
  readonly op: "openTerminal";
  readonly rows: number;
  readonly columns: number;
  /** The process joins others: /dev/console stays what it is to them. */
  readonly joins?: boolean;
}
/** prctl(PR_CAPBSET_DROP) of all capabilities that are not in the mask. */
export interface BoundCapabilities extends Explained {
  readonly op: "boundCapabilities";
  readonly bounding: bigint;
}
/** setgroups, setresgid, setresuid; the permitted capabilities are kept for setCapabilities. */
export interface SetUser extends Explained {
  readonly op: "setUser";
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** Without setgroups: where it is not allowed (user_namespaces(7), /proc/PID/setgroups). */
  readonly keepsGroups?: boolean;
}
/** capset(2) and the ambient set; bit n is capability n (capabilities(7)). */
export interface SetCapabilities extends Explained {
  readonly op: "setCapabilities";
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
  readonly ambient: bigint;
}
export interface NoNewPrivileges extends Explained {
  readonly op: "noNewPrivileges";
}
/** chdir(2) inside the root; a missing directory is made, unless it must exist. The result must lie inside the root. */
export interface ChangeDirectory extends Explained {
  readonly op: "changeDirectory";
  readonly path: string;
  readonly mustExist?: boolean;
}
/** execve(2). A name without a slash is searched in the PATH of `environment`. All descriptors past the standard streams, and past those that the supervision passes on, are closed. */
export interface Execute extends Explained {
  readonly op: "execute";
  readonly arguments: readonly string[];
  readonly environment: readonly string[];
}

// -- placing: how a tree is filled (layers of the directory snapshotter, files of /dev) ---------
// All inside the opened root. An existing non-directory at the path is replaced, a missing parent
// is made (0755), the last name of a path is never followed.

export interface PlaceDirectory extends Explained, Ownership {
  readonly op: "placeDirectory";
  readonly path: string;
}
/** A file whose contents are byte ranges of a host file: `[offset, length]`, or a hole where offset is -1. */
export interface PlaceFile extends Explained, Ownership {
  readonly op: "placeFile";
  readonly path: string;
  readonly source: string;
  readonly segments: readonly (readonly [offset: number, length: number])[];
}
export interface PlaceText extends Explained, Ownership {
  readonly op: "placeText";
  readonly path: string;
  readonly data: string;
}
export interface PlaceSymlink extends Explained, Ownership {
  readonly op: "placeSymlink";
  readonly path: string;
  /** What the link says; never resolved here. */
  readonly text: string;
}
/** link(2) of a path inside the same root. */
export interface PlaceHardLink extends Explained {
  readonly op: "placeHardLink";
  readonly path: string;
  readonly existing: string;
}
export interface PlaceNode extends Explained, Ownership {
  readonly op: "placeNode";
  readonly path: string;
  readonly type: "character" | "block" | "fifo";
  readonly major: number;
  readonly minor: number;
}
/** lsetxattr(2). */
export interface PlaceAttribute extends Explained {
  readonly op: "placeAttribute";
  readonly path: string;
  readonly name: string;
  readonly value: Uint8Array;
}
/** utimensat(2), for directories, once they are full. */
export interface PlaceTimes extends Explained {
  readonly op: "placeTimes";
  readonly path: string;
  readonly mtime: { readonly seconds: number; readonly nanoseconds: number };
}

export type Operation =
  | MakeDirectory
  | RemoveDirectory
  | WriteFile
  | CreateFile
  | RemoveFile
  | MakeCgroup
  | Mount
  | Bind
  | Remount
  | Unmount
  | ShareMount
  | ReleaseMount
  | AttachDeviceFilter
  | Fail
  | ConnectListener
  | ActAsOwner
  | JoinCgroup
  | KillAfter
  | WriteProcessFile
  | Unshare
  | SetPropagation
  | OpenRoot
  | MountInRoot
  | BindInRoot
  | MaskInRoot
  | ReadOnlyInRoot
  | EnterRoot
  | SetMountAttributes
  | SetHostname
  | SetDomainname
  | LinkUp
  | SetSysctl
  | SetLimit
  | SetUmask
  | NewSession
  | OpenTerminal
  | BoundCapabilities
  | SetUser
  | SetCapabilities
  | NoNewPrivileges
  | FilterSystemCalls
  | ChangeDirectory
  | Execute
  | PlaceDirectory
  | PlaceFile
  | PlaceText
  | PlaceSymlink
  | PlaceHardLink
  | PlaceNode
  | PlaceAttribute
  | PlaceTimes
  | RuntimeOperation;

export type OperationName = Operation["op"];
