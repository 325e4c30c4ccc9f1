"""Prints what a tree of files is, one JSON object a line, sorted by path: tree-facts.py ROOT

Paths and values are in hex, so that no byte is lost. Names of one file share the number of a
`group`. What overlayfs itself adds (trusted.overlay.*) is left out, as are the sizes of
directories, which are each file system's own, and their link counts.
"""

import hashlib
import json
import os
import stat
import sys

KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "character",
    stat.S_IFBLK: "block",
    stat.S_IFIFO: "fifo",
}

root = os.fsencode(sys.argv[1])
groups = {}


def digest(path):
    total = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(1 << 20):
            total.update(part)
    return total.hexdigest()


def facts(path):
    status = os.lstat(path)
    kind = KINDS[stat.S_IFMT(status.st_mode)]
    found = {
        "path": os.path.relpath(path, root).hex(),
        "kind": kind,
        "mode": oct(stat.S_IMODE(status.st_mode)),
        "owner": f"{status.st_uid}:{status.st_gid}",
        "mtime": str(status.st_mtime_ns),
        "xattrs": {
            name: os.getxattr(path, name, follow_symlinks=False).hex()
            for name in sorted(os.listxattr(path, follow_symlinks=False))
            if not name.startswith("trusted.overlay.")
        },
    }
    if kind != "directory":
        found["group"] = groups.setdefault((status.st_dev, status.st_ino), len(groups))
        found["links"] = status.st_nlink
    if kind == "file":
        found["size"] = status.st_size
        found["sha256"] = digest(path)
    if kind == "symlink":
        found["target"] = os.readlink(path).hex()
    if kind in ("character", "block"):
        found["device"] = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
    return found


def walk(directory):
    yield facts(directory)
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        if os.path.isdir(path) and not os.path.islink(path):
            yield from walk(path)
        elif os.path.lexists(path):
            yield facts(path)
        # Else a whiteout in a directory that hides nothing: overlayfs lists its name all the same.


sys.setrecursionlimit(10000)
for entry in walk(root):
    print(json.dumps(entry, sort_keys=True))
