"""From the system's error to a DeviceError that names the device and says what to do."""

from __future__ import annotations

import errno

from flowbackup.errors import DeviceError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

_REMEDIES = {
    errno.ENOSPC: "free space on the device, or use another one",
    errno.EDQUOT: "raise the quota, or use another device",
    errno.EROFS: "mount the device writable",
    errno.EACCES: "check the owner and the permissions of the medium",
    errno.EPERM: "check the owner and the permissions of the medium",
    errno.EIO: "check the disk and its cable (kernel log, smartctl); use another device",
    errno.ENOENT: "check that the device is mounted",
    errno.ENODEV: "check that the device is mounted",
    errno.ESTALE: "mount the network file system again",
}


class StoreError(OSError):
    """What an object store refuses, or does not answer to; with what to do."""

    def __init__(self, number: int, text: str, *, remedy: str = "") -> None:
        super().__init__(number, text)
        self.remedy = remedy


def device_error(device: str, what: str, error: OSError) -> DeviceError:
    """what: the attempt as a noun, "writing to segment 3"."""
    number = error.errno or 0
    name = errno.errorcode.get(number, "unknown error")
    return DeviceError(
        f'device "{device}": {what} failed: {error.strerror or error} [{name}]',
        remedy=getattr(error, "remedy", "") or _REMEDIES.get(number, "check the device"),
        device=device,
        errno=number,
    )
