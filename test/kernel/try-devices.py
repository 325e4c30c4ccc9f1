"""Joins a cgroup and says which devices it may make and open.

    try-devices.py CGROUP DIRECTORY

First makes nodes of some devices that no driver has, then joins. For each line on standard input
it tries every node and answers with one line: a letter for each question, y or n.
"""

import errno
import os
import stat
import sys

MAJORS = (120, 121, 122)
MINORS = (0, 1, 2)
KINDS = (("b", stat.S_IFBLK), ("c", stat.S_IFCHR))
WAYS = (os.O_RDONLY, os.O_WRONLY, os.O_RDWR)


def refused(call):
    try:
        call()
        return False
    except OSError as error:
        return error.errno == errno.EPERM


def main():
    cgroup, directory = sys.argv[1:]
    nodes = [
        (os.path.join(directory, f"{name}-{major}-{minor}"), kind | 0o600, os.makedev(major, minor))
        for name, kind in KINDS
        for major in MAJORS
        for minor in MINORS
    ]
    for path, mode, device in nodes:
        os.mknod(path, mode, device)
    with open(os.path.join(cgroup, "cgroup.procs"), "w") as procs:
        procs.write("0")
    new = os.path.join(directory, "new")
    print("ready", flush=True)
    for _ in sys.stdin:
        answers = []
        for path, mode, device in nodes:
            made = not refused(lambda: os.mknod(new, mode, device))
            if made:
                os.unlink(new)
            answers.append(made)
            answers += [not refused(lambda way=way: os.close(os.open(path, way))) for way in WAYS]
        print("".join("y" if answer else "n" for answer in answers), flush=True)


main()
