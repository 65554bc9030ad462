"""Which names of a tree are backed up, asked for one directory at a time on the way down."""

from __future__ import annotations

import os
import stat
from bisect import bisect_left
from collections.abc import Callable
from errno import EFBIG
from typing import NamedTuple

from flowbackup.model.source_rules import IGNORE_FILE, SourceRules
from flowbackup.monitor import Problem
from flowbackup.source.metadata import error_text
from flowbackup.source.patterns import IgnoreLines, Rule, as_text, ignore_lines
from flowbackup.source.walk import MARK_BYTES, MARK_OF_DIRECTORIES, MARK_OF_FILES, open_file
from flowbackup.units import MIB

IGNORE_FILE_BYTES_MAX = MIB
"""Lines that somebody wrote; a longer file is none."""

CACHE_TAG = b"CACHEDIR.TAG"
CACHE_SIGNATURE = b"Signature: 8a477f597d28d172789f06886806bc55"
"""Of the Cache Directory Tagging Specification."""

_IS_CACHE = f"exclude_caches: the directory has a {CACHE_TAG.decode()}"
_ELSEWHERE = "one_file_system: another file system is mounted there"


class Decision(NamedTuple):
    """rule: what decided, "" where nothing had anything to say."""

    is_kept: bool
    rule: str = ""


class _Scope(NamedTuple):
    """Lines and where they count.  prefix: of the paths below that place.  place: for messages."""

    prefix: bytes
    place: str
    lines: IgnoreLines


class Selection:
    """The rules of one data object, during one walk: directories come parents first."""

    def __init__(
        self, rules: SourceRules, now_ns: int, report: Callable[[Problem], None]
    ) -> None:  # fmt: skip
        self._rules = rules
        self._oldest_ns = now_ns - rules.older_than_seconds * 10**9
        self._report = report
        self._scopes: list[_Scope] = []
        self._device = -1
        written = IgnoreLines(rules.exclude)
        if written:
            self._scopes.append(_Scope(b"", "exclude of the object", written))
        self._written = len(self._scopes)

    def chosen(self, path: bytes, directory: int, names: list[bytes]) -> list[bytes]:
        """Those of the sorted, marked names (see `walk`) of an open directory that are backed up.
        Raises OSError."""
        closed = self.closed(path, directory, names)
        if closed:
            return [CACHE_TAG + MARK_OF_FILES] if closed == _IS_CACHE else []
        self._enter(path, directory, names)
        if not self._scopes:
            return names
        prefix = path + b"/" if path else b""
        return [
            name for name in names
            if self.decision(
                prefix + name[:-MARK_BYTES], is_directory=name.endswith(MARK_OF_DIRECTORIES)
            ).is_kept
        ]  # fmt: skip

    def closed(self, path: bytes, directory: int, names: list[bytes]) -> str:
        """Why nothing in a directory is backed up, but for the tag that says so; "" if it is."""
        rules = self._rules
        if rules.one_file_system:
            device = os.fstat(directory).st_dev
            if not path:
                self._device = device
            if device != self._device:
                return _ELSEWHERE
        if rules.exclude_caches and path and _has(names, CACHE_TAG) and _is_cache(directory):
            return _IS_CACHE
        return ""

    def decision(self, path: bytes, *, is_directory: bool) -> Decision:
        """By the lines of all directories on the way, the deepest first."""
        for scope in reversed(self._scopes):
            rule = scope.lines.decides(
                as_text(path[len(scope.prefix) :]), is_directory=is_directory
            )
            if rule is not None:
                return Decision(not rule.leaves_out, _told(rule, scope.place))
        return Decision(True)

    def beyond_limits(self, status: os.stat_result) -> str:
        """Why a file is left out for what it is; "" if it is not."""
        rules = self._rules
        if rules.larger_than_bytes and status.st_size > rules.larger_than_bytes:
            return f"exclude_larger_than: it has {status.st_size} bytes"
        if rules.older_than_seconds and status.st_mtime_ns < self._oldest_ns:
            return "exclude_older_than: it was not changed since"
        if rules.one_file_system and self._device not in (-1, status.st_dev):
            return _ELSEWHERE
        return ""

    def _enter(self, path: bytes, directory: int, names: list[bytes]) -> None:
        """Forgets the lines of directories that were left, and learns those of this one."""
        while len(self._scopes) > self._written and not path.startswith(self._scopes[-1].prefix):
            self._scopes.pop()
        if not self._rules.ignore_files or not _has(names, IGNORE_FILE):
            return
        prefix = path + b"/" if path else b""
        place = os.fsdecode(prefix + IGNORE_FILE)
        try:
            lines = ignore_lines(_read(IGNORE_FILE, directory, IGNORE_FILE_BYTES_MAX))
        except OSError as error:
            text = f"{error_text(error)}: its lines do not count"
            self._report(Problem("ignore_file", text, prefix + IGNORE_FILE))
            return
        if lines:
            self._scopes.append(_Scope(prefix, place, lines))


def _told(rule: Rule, place: str) -> str:
    return f'"{rule.text}", line {rule.number} of {place}'


def _has(names: list[bytes], name: bytes) -> bool:
    marked = name + MARK_OF_FILES
    place = bisect_left(names, marked)
    return place < len(names) and names[place] == marked


def _is_cache(directory: int) -> bool:
    try:
        head = _read(CACHE_TAG, directory, len(CACHE_SIGNATURE), whole=False)
    except OSError:
        return False  # The reader meets the same and reports it.
    return head == CACHE_SIGNATURE


def _read(name: bytes, directory: int, bytes_max: int, *, whole: bool = True) -> bytes:
    """The beginning of a regular file, or all of it.  Raises OSError."""
    descriptor = open_file(name, directory)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return b""
        data = os.pread(descriptor, bytes_max + 1, 0)
    finally:
        os.close(descriptor)
    if whole and len(data) > bytes_max:
        raise OSError(EFBIG, os.strerror(EFBIG))
    return data[:bytes_max]
