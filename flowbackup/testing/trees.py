"""Trees to back up: random ones from a seed, and the torture tree with everything unusual.

All are made by directory descriptors and plain system calls, so that names may be any bytes and
paths longer than the system takes.
"""

from __future__ import annotations

import os
import random
import socket
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from flowbackup.units import MIB

_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL
_CAP_NET_RAW = struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0)
_ALPHABET = [bytes([value]) for value in range(1, 256) if value != ord("/")]
_BEFORE_1970_NS = -86_400_000_000_001
_AFTER_2106_NS = 4_500_000_000_123_456_789


def random_tree(
    place: str, seed: int, files: int = 60, bytes_max: int = 200_000, depth: int = 4
) -> None:
    """A new directory `place` with files of random names, sizes (many small), modes and times in
    random directories, some hard links, symlinks and holes.  The same seed makes the same tree."""
    chance = random.Random(seed)
    os.mkdir(place)
    directories = [os.fsencode(place)]
    for _ in range(files // 8):
        parent = chance.choice([d for d in directories if d.count(b"/") - place.count("/") < depth])
        directories.append(parent + b"/" + _name(chance))
        os.mkdir(directories[-1])
    made: list[bytes] = []
    for number in range(files):
        path = chance.choice(directories) + b"/" + _name(chance)
        draw = chance.random()
        if made and draw < 0.06:
            os.link(chance.choice(made), path)
        elif draw < 0.12:
            os.symlink(_name(chance), path)
        else:
            _random_file(chance, path, bytes_max)
            made.append(path)
            os.utime(path, ns=(0, 10**18 + number))
    for number, directory in enumerate(reversed(directories)):
        os.chmod(directory, chance.choice([0o755, 0o700, 0o775]))
        os.utime(directory, ns=(0, 10**18 - number))


def _name(chance: random.Random) -> bytes:
    # The number in front keeps names of one directory apart.
    length = chance.choice([1, 3, 8, 20, 200])
    return b"%08x" % chance.getrandbits(32) + b"".join(chance.choices(_ALPHABET, k=length))


def _random_file(chance: random.Random, path: bytes, bytes_max: int) -> None:
    size = int(bytes_max ** chance.random()) - 1
    descriptor = os.open(path, _NEW, 0o600)
    try:
        os.write(descriptor, chance.randbytes(size))
        if chance.random() < 0.1:
            os.ftruncate(descriptor, size + 65_536)
        os.fchmod(descriptor, chance.choice([0o644, 0o600, 0o755, 0o444]))
    finally:
        os.close(descriptor)


@dataclass(slots=True)
class Torture:
    """missing: what this machine or user cannot make, by name."""

    missing: list[str] = field(default_factory=list)


def torture_tree(place: str, *, depth: int = 2000, links: int = 300) -> Torture:
    """A new directory `place` with everything of FAULTS.md that can be made here.  The parts that
    need rights or a kernel feature are left out and named."""
    os.mkdir(place)
    root = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    report = Torture()
    try:
        for name, part in _PARTS:
            os.mkdir(name, dir_fd=root)
            here = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=root)
            try:
                part(here, report)
            finally:
                os.close(here)
        _deep(root, depth)
        _many_links(root, links)
        os.utime(place, ns=(0, 1_000_000_000_000_000_007))
    finally:
        os.close(root)
    return report


def _file(here: int, name: bytes, content: bytes = b"content", mode: int = 0o644) -> None:
    descriptor = os.open(name, _NEW, 0o600, dir_fd=here)
    try:
        os.write(descriptor, content)
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def _names(here: int, report: Torture) -> None:
    for value in range(1, 256):
        if value not in b"/.":
            _file(here, bytes([value]), bytes([value]))
    for name in (b"\n", b"..x", b"...", b"-rf", b"\xc3\xa9", b"e\xcc\x81", b"\xff\xfe", b"x" * 255):
        if len(name) > 1:
            _file(here, name, name)


def _sizes(here: int, report: Torture) -> None:
    pattern = random.Random(1).randbytes(MIB)
    for base in (0, 1, 4096, MIB, 8 * MIB):
        for size in (base - 1, base, base + 1):
            if size >= 0:
                content = (pattern * (size // MIB + 1))[:size]
                try:
                    _file(here, b"%d" % size, content)
                except FileExistsError:
                    pass  # 1 is next to 0 and itself.


def _holes(here: int, report: Torture) -> None:
    layouts = {
        b"whole": (16 * MIB, []),
        b"start": (3 * MIB, [(2 * MIB, MIB)]),
        b"middle": (4 * MIB, [(0, MIB), (3 * MIB, MIB)]),
        b"end": (4 * MIB, [(0, 65_536)]),
        b"many": (64 * MIB, [(n * MIB, 4096) for n in range(0, 64, 2)]),
        b"over4gib": (5 << 30, [(0, 4096), ((5 << 30) - 4096, 4096)]),
        b"tebibytes": (8 << 40, [(4 << 40, 4096)]),
    }
    for name, (size, data) in layouts.items():
        descriptor = os.open(name, _NEW, 0o644, dir_fd=here)
        try:
            os.ftruncate(descriptor, size)
            for offset, length in data:
                os.pwrite(descriptor, b"\x55" * length, offset)
        except OSError as error:
            report.missing.append(f"sparse file of {size} bytes: {error.strerror}")
            os.unlink(name, dir_fd=here)
        finally:
            os.close(descriptor)


def _links(here: int, report: Torture) -> None:
    os.mkdir(b"a", dir_fd=here)
    os.mkdir(b"b", dir_fd=here)
    _file(here, b"b/first", b"linked")
    for name in (b"a/early", b"b/second", b"zlast"):
        os.link(b"b/first", name, src_dir_fd=here, dst_dir_fd=here)
    for name, target in (
        (b"dangling", b"nowhere/at/all"), (b"up", b"../../.."), (b"loop", b"loop"),
        (b"absolute", b"/etc/passwd"), (b"bytes", b"\xff\n\x01"), (b"long", b"t" * 4000),
    ):  # fmt: skip
        os.symlink(target, name, dir_fd=here)
    os.utime(b"loop", ns=(0, 123_456_789), dir_fd=here, follow_symlinks=False)
    os.link(b"up", b"up2", src_dir_fd=here, dst_dir_fd=here, follow_symlinks=False)


def _specials(here: int, report: Torture) -> None:
    os.mkfifo(b"fifo", 0o640, dir_fd=here)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{here}/socket")
    for name, kind, number in (
        (b"null", stat.S_IFCHR, os.makedev(1, 3)), (b"loop0", stat.S_IFBLK, os.makedev(7, 0)),
    ):  # fmt: skip
        _try(report, "device nodes", os.mknod, name, kind | 0o660, number, dir_fd=here)


def _modes(here: int, report: Torture) -> None:
    for mode in (0o000, 0o001, 0o444, 0o777, 0o4755, 0o2755, 0o6711, 0o1644):
        _file(here, b"%04o" % mode, mode=mode)
        os.mkdir(b"d%04o" % mode, dir_fd=here)
        os.chmod(b"d%04o" % mode, mode, dir_fd=here)
    for number, (uid, gid) in enumerate(((1, 1), (12_345, 54_321), (2**32 - 2, 2**32 - 2))):
        name = b"owner%d" % number
        _file(here, name, mode=0o600)
        _try(report, "foreign owners", os.chown, name, uid, gid, dir_fd=here)
        link = b"link%d" % number
        os.symlink(b"x", link, dir_fd=here)
        _try(
            report, "owners of links", os.chown, link, uid, gid, dir_fd=here, follow_symlinks=False
        )


def _times(here: int, report: Torture) -> None:
    for number, time_ns in enumerate((0, 1, -1, _BEFORE_1970_NS, _AFTER_2106_NS, 10**18 + 1)):
        _file(here, b"%d" % number)
        os.utime(b"%d" % number, ns=(time_ns, time_ns), dir_fd=here)
    os.mkdir(b"old", dir_fd=here)
    _file(here, b"old/inside")
    os.utime(b"old", ns=(5, 5), dir_fd=here)


def _attributes(here: int, report: Torture) -> None:
    where = b"/proc/self/fd/%d/" % here
    acl = _acl((1, 6, -1), (2, 4, 12_345), (4, 4, -1), (16, 6, -1), (32, 0, -1))
    attributes: list[tuple[bytes, bytes, bytes]] = [
        (b"empty", b"user.empty", b""),
        (b"binary", b"user.\xff", bytes(range(256))),
        (b"large", b"user.large", b"v" * 3000),
        (b"huge", b"user.huge", b"v" * 65_536),
        (b"acl", b"system.posix_acl_access", acl),
        (b"capability", b"security.capability", _CAP_NET_RAW),
        (b"trusted", b"trusted.mark", b"t"),
    ]
    for name, attribute, value in attributes:
        _file(here, name, mode=0o640)
        _try(report, f"attribute {attribute!r}", os.setxattr, where + name, attribute, value)
    os.mkdir(b"default", dir_fd=here)
    default = b"system.posix_acl_default"
    _try(report, "default ACLs", os.setxattr, where + b"default", default, acl)
    _file(here, b"default/plain")
    access = b"system.posix_acl_access"
    _try(report, "inherited ACLs", os.removexattr, where + b"default/plain", access)
    os.symlink(b"x", b"link", dir_fd=here)
    link = where + b"link"
    _try(
        report,
        "attributes of links",
        os.setxattr,
        link,
        b"trusted.mark",
        b"l",
        follow_symlinks=False,
    )


def _acl(*rows: tuple[int, int, int]) -> bytes:
    return struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", tag, rights, number & 0xFFFFFFFF) for tag, rights, number in rows
    )


def _many_files(here: int, report: Torture) -> None:
    for number in range(3000):
        os.close(os.open(b"%05d" % number, _NEW, 0o644, dir_fd=here))


def _deep(root: int, depth: int) -> None:
    """Longer than PATH_MAX with short names, one open directory at a time."""
    here = os.dup(root)
    for _ in range(depth):
        os.mkdir(b"deep", dir_fd=here)
        below = os.open(b"deep", os.O_RDONLY | os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = below
    _file(here, b"bottom")
    os.close(here)


def _many_links(root: int, links: int) -> None:
    os.mkdir(b"linked", dir_fd=root)
    _file(root, b"linked/0")
    for number in range(1, links):
        os.link(b"linked/0", b"linked/%d" % number, src_dir_fd=root, dst_dir_fd=root)


def _try(
    report: Torture, what: str, make: Callable[..., None], *values: object, **where: object
) -> None:
    try:
        make(*values, **where)
    except OSError as error:
        report.missing.append(f"{what}: {error.strerror}")


_PARTS: tuple[tuple[bytes, Callable[[int, Torture], None]], ...] = (
    (b"names", _names), (b"sizes", _sizes), (b"holes", _holes), (b"links", _links),
    (b"specials", _specials), (b"modes", _modes), (b"times", _times), (b"xattrs", _attributes),
    (b"many", _many_files),
)  # fmt: skip
