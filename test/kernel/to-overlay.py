"""Turns the marks of an unpacked layer into those of overlayfs: to-overlay.py DIRECTORY

A file .wh.NAME becomes a character device 0:0 called NAME, and .wh..wh..opq an attribute of its
directory. Where the layer has NAME itself, a directory becomes opaque, and nothing is to be done
for anything else. Directories keep their times. Prints "opaque" where DIRECTORY itself is to hide
all that lies below it: overlayfs takes no such mark from its roots.
"""

import os
import stat
import sys

OPAQUE = "trusted.overlay.opaque"


def convert(directory):
    before = os.lstat(directory)
    changed = False
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        if os.path.isdir(path) and not os.path.islink(path):
            convert(path)
        elif name.startswith(b".wh."):
            changed = True
            os.unlink(path)
            hidden = os.path.join(directory, name[4:])
            if name == b".wh..wh..opq":
                os.setxattr(directory, OPAQUE, b"y")
            elif name.startswith(b".wh..wh."):
                pass
            elif os.path.isdir(hidden) and not os.path.islink(hidden):
                os.setxattr(hidden, OPAQUE, b"y")
            elif not os.path.lexists(hidden):
                os.mknod(hidden, stat.S_IFCHR, 0)
    if changed:
        os.utime(directory, ns=(before.st_atime_ns, before.st_mtime_ns))


convert(os.fsencode(sys.argv[1]))
print("opaque" if OPAQUE in os.listxattr(sys.argv[1]) else "")
