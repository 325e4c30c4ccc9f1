"""Mounts an EROFS image over files as devices: mount-erofs.py IMAGE MOUNTPOINT [DEVICE...]

mount(8) cannot: it makes loop devices, beside which file devices are refused.
"""

import ctypes
import os
import sys

FSCONFIG_SET_FLAG, FSCONFIG_SET_STRING, FSCONFIG_CMD_CREATE = 0, 1, 6
MOVE_MOUNT_F_EMPTY_PATH = 4
SYS_MOVE_MOUNT, SYS_FSOPEN, SYS_FSCONFIG, SYS_FSMOUNT = 429, 430, 431, 432

libc = ctypes.CDLL(None, use_errno=True)


def call(number, *arguments):
    converted = [a.encode() if isinstance(a, str) else a for a in arguments]
    result = libc.syscall(number, *converted)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{os.strerror(error)}: syscall {number} {arguments}")
    return result


image, target, *devices = sys.argv[1:]
fs = call(SYS_FSOPEN, "erofs", 0)
try:
    call(SYS_FSCONFIG, fs, FSCONFIG_SET_STRING, "source", os.path.abspath(image), 0)
    call(SYS_FSCONFIG, fs, FSCONFIG_SET_FLAG, "ro", None, 0)
    for device in devices:
        call(SYS_FSCONFIG, fs, FSCONFIG_SET_STRING, "device", os.path.abspath(device), 0)
    call(SYS_FSCONFIG, fs, FSCONFIG_CMD_CREATE, None, None, 0)
    mount = call(SYS_FSMOUNT, fs, 0, 0)
    call(SYS_MOVE_MOUNT, mount, "", -100, target, MOVE_MOUNT_F_EMPTY_PATH)
except OSError:
    print(os.read(fs, 4096).decode(errors="replace"), file=sys.stderr)
    raise
