"""Owners, attributes, modes and times of a file that has no name yet, or of a directory.

In this order, because each of the first takes something from the later ones: a change of owner
clears setuid bits and capabilities, attributes need a writable file, content and all else change
the time.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Callable
from errno import ENODATA, ENOTSUP, EOPNOTSUPP

from flowbackup.model.entry import FLAGS_ATTRIBUTE, Entry, EntryKind
from flowbackup.units import format_path

NOBODY = 65534
_ID_MAX = (1 << 32) - 2  # 2^32-1 means "leave it" to chown
_SET_ID = stat.S_ISUID | stat.S_ISGID
_CAPABILITY = b"security.capability"
_ACLS = (b"system.posix_acl_access", b"system.posix_acl_default")

Report = Callable[[str, str], None]
"""(kind, text): something that could not be given back."""


class Owners:
    """Numbers here for the owners of entries."""

    def __init__(self, numeric: bool) -> None:
        self._numeric = numeric
        self._users: dict[tuple[int, bytes], int] = {}
        self._groups: dict[tuple[int, bytes], int] = {}
        self._both: dict[tuple[object, ...], tuple[int, int]] = {}

    def of(self, entry: Entry) -> tuple[int, int]:
        """User and group that an entry gets."""
        key = (entry.uid, entry.owner, entry.gid, entry.group)
        known = self._both.get(key)
        if known is None:
            user, group = self.user(entry.uid, entry.owner), self.group(entry.gid, entry.group)
            known = self._both[key] = (user, group)
        return known

    def user(self, number: int, name: bytes) -> int:
        """The user of that name here, else that number; never root for somebody else."""
        key = (number, name)
        known = self._users.get(key)
        if known is None:
            known = self._users[key] = self._number(number, name, _user_of)
        return known

    def group(self, number: int, name: bytes) -> int:
        key = (number, name)
        known = self._groups.get(key)
        if known is None:
            known = self._groups[key] = self._number(number, name, _group_of)
        return known

    def _number(self, number: int, name: bytes, look_up: Callable[[str], int]) -> int:
        if not 0 <= number <= _ID_MAX:
            return NOBODY
        if not name or self._numeric:
            return number
        try:
            here = look_up(os.fsdecode(name))
        except (KeyError, ValueError):
            # A name that is unknown here is not root here, whatever its number was there.
            return number or NOBODY
        return number if here == 0 and number != 0 else here


class MetadataWriter:
    """Puts metadata on open files and on what cannot be opened."""

    def __init__(self, owners: Owners) -> None:
        self._owners = owners
        self._user, self._group = os.geteuid(), os.getegid()
        self._umask = _umask()

    def owner_here(self, entry: Entry) -> tuple[int, int]:
        """User and group that it gets."""
        return self._owners.of(entry)

    def may_own(self, uid: int, gid: int) -> bool:
        """Whether this process may surely give a file to them."""
        return self._user == 0 or (uid == self._user and gid == self._group)

    def birth_mode(self, entry: Entry) -> int:
        """The mode for `open` to make a file with that nobody else can reach yet: its own, where
        nothing that follows takes from it or needs more."""
        mode = entry.mode & 0o7777
        uid, gid = self.owner_here(entry)
        stays = uid == self._user and gid == self._group and mode <= 0o777 and not entry.xattrs
        return mode if stays else 0o600

    def apply(
        self, descriptor: int, entry: Entry, report: Report, *, fresh: bool, born: int = 0
    ) -> None:
        """On an open file or directory.  fresh: made here just now, with this process's owner;
        born: with that mode, 0 if it is not known."""
        mode, owned = entry.mode & 0o7777, True
        uid, gid = self.owner_here(entry)
        if not fresh or uid != self._user or gid != self._group:
            owned = self._own(descriptor, uid, gid, report)
        if entry.xattrs:
            _set_attributes(descriptor, entry, report, owned=owned)
        mode = mode if owned else mode & ~_SET_ID
        try:
            if not born or born & ~self._umask != mode:
                os.fchmod(descriptor, mode)
            os.utime(descriptor, ns=(entry.mtime_ns, entry.mtime_ns))
        except (OSError, OverflowError) as error:
            report("metadata", f"mode {mode:o} or time cannot be given: {error}")

    def apply_node(self, handle: int, entry: Entry, report: Report) -> None:
        """On a link, FIFO, socket or device, by a handle (O_PATH), because none of them is opened.
        No name is gone through: whoever changes names meanwhile changes nothing here."""
        # Through this name the system reaches the thing itself, a link too, not what it points to.
        itself = b"/proc/self/fd/%d" % handle
        uid, gid = self.owner_here(entry)
        owned = self._own(itself, uid, gid, report)
        if entry.xattrs:
            _set_attributes(itself, entry, report, owned=owned)
        if entry.kind != EntryKind.SYMLINK:
            os.chmod(itself, entry.mode & (0o7777 if owned else 0o7777 & ~_SET_ID))
        os.utime(itself, ns=(entry.mtime_ns, entry.mtime_ns))

    def _own(self, place: int | bytes, uid: int, gid: int, report: Report) -> bool:
        """Whether the owner is right: setuid, setgid and capabilities may be given only then."""
        try:
            _change_owner(place, uid, gid)
        except OSError as error:
            report("owner", f"owner {uid}:{gid} cannot be given: {error.strerror}")
            # Root must not keep what belongs to somebody unknown; others may give away a group.
            fallback = (NOBODY, NOBODY) if self._user == 0 and uid else (-1, gid)
            try:
                _change_owner(place, *fallback)
            except OSError:
                pass  # Reported above.
            return False
        return True


def _umask() -> int:
    """What the system takes from the mode of new files; everything where that is not known."""
    try:
        with open("/proc/self/status", "rb") as status:
            lines = dict(line.split(b":", 1) for line in status)
        return int(lines[b"Umask"], 8)
    except (OSError, KeyError, ValueError):
        return 0o777


def strip_inherited(descriptor: int) -> None:
    """Takes away the ACLs that a new file or directory got from the directory it was made in."""
    for name in _ACLS:
        try:
            os.removexattr(descriptor, name)
        except OSError as error:
            if error.errno not in (ENODATA, ENOTSUP, EOPNOTSUPP):
                raise


def gives_acls(descriptor: int) -> bool:
    """Whether a directory hands ACLs to what is made in it."""
    try:
        os.getxattr(descriptor, b"system.posix_acl_default")
    except OSError:
        return False
    return True


def gives_owner(status: os.stat_result, *, created: bool) -> bool:
    """Whether a directory hands its owner or group to what is made in it: by its setgid bit, or by
    how it is mounted, as one that was just created shows."""
    ours = (os.geteuid(), os.getegid())
    return bool(status.st_mode & stat.S_ISGID) or (
        created and (status.st_uid, status.st_gid) != ours
    )


def _change_owner(place: int | bytes, uid: int, gid: int) -> None:
    if isinstance(place, int):
        os.fchown(place, uid, gid)
    else:
        os.chown(place, uid, gid)


def _set_attributes(place: int | bytes, entry: Entry, report: Report, *, owned: bool) -> None:
    for name, value in entry.xattrs:
        if name == FLAGS_ATTRIBUTE:
            # Given back, they would keep links, and the next restore, from being made.
            letters = format_path(value)
            report("flags", f"it was locked (chattr +{letters}), and is not any more")
            continue
        if name == _CAPABILITY and not owned:
            report("xattr", "its capabilities are not given, because its owner is another one")
            continue
        try:
            os.setxattr(place, name, value)
        except (OSError, ValueError) as error:
            reason = (isinstance(error, OSError) and error.strerror) or error
            report("xattr", f"attribute {format_path(name)} cannot be given: {reason}")


def _user_of(name: str) -> int:
    return pwd.getpwnam(name).pw_uid


def _group_of(name: str) -> int:
    return grp.getgrnam(name).gr_gid
