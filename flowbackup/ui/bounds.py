"""What a graph may say that was written on the page.

Who holds the token holds the page, and no more of the machine than that: a graph may read and write
below the roots, and run no program.  What stands in the file already was written by somebody with
an editor, and may stay.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from flowbackup.model.device import HERE
from flowbackup.spec.document import GraphDocument
from flowbackup.spec.finding import Finding, error
from flowbackup.spec.models import GraphSpec
from flowbackup.spec.tree import Key
from flowbackup.ui.roots import Roots

OUTSIDE = "outside-roots"
PROGRAM = "program-on-page"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
"""What is not in a folder is out of every root."""


class Reach(NamedTuple):
    """A path that a graph names.  what: as it was written.  path: absolute; "" for a program that
    it runs, and for a place that is no folder."""

    keys: tuple[Key, ...]
    what: str
    path: str
    is_program: bool = False


def reaches_of(document: GraphDocument) -> Iterator[Reach]:
    """What a graph reaches on this machine."""
    spec = document.spec
    for keys, path, node in _paths(spec):
        if path and _URL.match(path):
            yield Reach(keys, path, "")
        elif path and node == HERE:
            absolute = os.path.normpath(os.path.join(document.base, path))
            yield Reach(keys, path, absolute)
    for name, device in spec.devices.items():
        if device.url:  # Another server is another place.
            where = " at ".join(filter(None, (device.url, device.endpoint)))
            yield Reach(("devices", name, "url"), where, "")
    yield from _programs(spec)


def _paths(spec: GraphSpec) -> Iterator[tuple[tuple[Key, ...], str | None, str]]:
    yield ("catalog",), spec.catalog, HERE
    if spec.encryption is not None:
        yield ("encryption", "key"), spec.encryption.key, HERE
    for name, device in spec.devices.items():
        yield ("devices", name, "path"), device.path, device.node
        yield ("devices", name, "changer"), device.changer, device.node
    for client, written in spec.clients.items():
        for name, item in written.objects.items():
            yield ("clients", client, "objects", name, "path"), item.path, written.node


def _programs(spec: GraphSpec) -> Iterator[Reach]:
    for index, hook in enumerate(spec.hooks):
        yield Reach(("hooks", index), repr(hook), "", True)
    for index, notice in enumerate(spec.notices):
        yield Reach(("notices", index), repr(notice), "", True)
    for client, written in spec.clients.items():
        for name, item in written.objects.items():
            keys = ("clients", client, "objects", name)
            if item.command:
                yield Reach((*keys, "command"), repr(item.command), "", True)
            if item.source:
                what = f"{item.source} {item.options!r}"
                yield Reach((*keys, "source"), what, "", True)
            for index, hook in enumerate(item.hooks):
                yield Reach((*keys, "hooks", index), repr(hook), "", True)


def bounds_findings(
    document: GraphDocument, stands: GraphDocument | None, roots: Roots
) -> list[Finding]:
    """What the page may not write.  stands: the file as it is now, if there is one."""
    known = {(reach.what, reach.path) for reach in reaches_of(stands)} if stands else set()
    return [
        _finding(document.place(*reach.keys), reach, roots)
        for reach in reaches_of(document)
        if (reach.what, reach.path) not in known and not (reach.path and roots.holds(reach.path))
    ]


def _finding(place: str, reach: Reach, roots: Roots) -> Finding:
    if reach.path:
        folders = ", ".join(map(str, roots.folders))
        return error(
            place, OUTSIDE,
            f"{reach.path} is outside the folders that this page may use ({folders})",
            "Start flowbackup ui with --root and a folder around it, or write it with an editor.",
        )  # fmt: skip
    if not reach.is_program:
        return error(
            place, OUTSIDE, f"{reach.what} is no folder that this page may use",
            "Write it into the file with an editor.",
        )  # fmt: skip
    return error(
        place, PROGRAM, "a graph that is written on this page runs no program",
        "Write hooks, notices and commands into the file with an editor.",
    )  # fmt: skip
