"""Looks for a secret where none may be: in files, in arguments and environments of processes."""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Secret:
    """name: for people.  forms: everything that would give it away.  values: as they are."""

    name: str
    forms: tuple[bytes, ...]
    values: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, name: str, *values: bytes) -> Secret:
        """As it is, in both cases of hexadecimal, and in base64 wherever it begins."""
        forms = {form for value in values for form in _forms(value)}
        assert min(map(len, forms)) >= 12, "what is shorter is found by chance"
        return cls(name, tuple(sorted(forms)), values)

    def is_in(self, data: bytes) -> bool:
        return any(form in data for form in self.forms)


def _forms(value: bytes) -> Iterator[bytes]:
    yield value
    yield value.hex().encode()
    yield value.hex().upper().encode()
    for shift in range(3):
        # What stands before a text decides how it looks in base64; its borders are left out.
        yield base64.b64encode(b"\0" * shift + value)[4 * (shift > 0) : -4]


def in_files(secrets: Iterable[Secret], *folders: Path) -> list[str]:
    """Names of secrets with the files that hold them.  What goes away meanwhile holds nothing."""
    known = list(secrets)
    return [
        f"{secret.name} in {path}"
        for folder in folders
        for path in _files(folder)
        for secret in known
        if any(secret.is_in(data) for data in _pieces(path, secret))
    ]


def in_arguments(secrets: Iterable[Secret]) -> list[str]:
    """Of every process that may be seen."""
    return _in_processes(list(secrets), "cmdline", frozenset())


def in_environments(secrets: Iterable[Secret], allowed: Iterable[int] = ()) -> list[str]:
    """Of every process that may be seen, but for those who need it."""
    return _in_processes(list(secrets), "environ", frozenset(allowed))


def _in_processes(secrets: list[Secret], file: str, allowed: frozenset[int]) -> list[str]:
    found = []
    for place in Path("/proc").glob(f"[0-9]*/{file}"):
        if int(place.parent.name) in allowed:
            continue
        try:
            data = place.read_bytes()
        except OSError:
            continue
        found += [f"{secret.name} in {place}" for secret in secrets if secret.is_in(data)]
    return found


def _files(folder: Path) -> Iterator[Path]:
    for directory, _, names in os.walk(folder):
        for name in names:
            path = Path(directory, name)
            try:
                if stat.S_ISREG(path.lstat().st_mode):
                    yield path
            except OSError:
                continue


def _pieces(path: Path, secret: Secret) -> Iterator[bytes]:
    """Pieces of a file that overlap by the longest form."""
    overlap = max(map(len, secret.forms))
    try:
        with path.open("rb") as file:
            before = b""
            while data := file.read(PIECE_BYTES):
                yield before + data
                before = data[-overlap:]
    except OSError:
        return
