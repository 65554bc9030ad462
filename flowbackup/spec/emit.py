"""New graphs as text: what is read back by the plain reader, and by people."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

from flowbackup.spec.scalars import TrapError, resolve_plain
from flowbackup.spec.tree import Value

_LINE_WIDTH = 100
_FLOW_FROM = dict.fromkeys(
    ("devices", "nodes", "backup_groups", "mirror_groups", "restore_groups", "copy_groups",
     "couplings", "hooks", "notices"), 2
)  # fmt: skip
"""Sections -> the depth from which their values stand in one line."""
_FLOW_FROM_ELSEWHERE = 4

_PLAIN = re.compile(r"[A-Za-z0-9/.](?:[A-Za-z0-9_./>+ -]*[A-Za-z0-9_./])?")
"""What no reader of YAML takes for anything but a text, or the number that it is."""


def emit_graph(values: Mapping[str, Value]) -> str:
    """The text of a graph: sections as blocks, what is small in one line."""
    lines: list[str] = []
    for key, value in values.items():
        _block(lines, f"{quoted(key)}:", value, 0, 1, _FLOW_FROM.get(key, _FLOW_FROM_ELSEWHERE))
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """The text as a word of YAML, in quotes where it could be taken for something else."""
    if _PLAIN.fullmatch(text) and _is_text(text):
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _is_text(text: str) -> bool:
    try:
        return resolve_plain(text) == text
    except TrapError:
        return False


def _escaped(sign: str) -> str:
    if sign in '"\\':
        return f"\\{sign}"
    if sign.isprintable():
        return sign
    return f"\\U{ord(sign):08x}"


def _block(
    lines: list[str], begun: str, value: Value, indent: int, depth: int, flow_from: int
) -> None:
    """Appends a value to a line that has begun with its key, or below it."""
    if not isinstance(value, (dict, list)) or not value or depth >= flow_from:
        lines.extend(_folded(begun, list(_pieces(value)), indent))
        return
    lines.append(begun)
    pad = " " * (indent + 2)
    if isinstance(value, dict):
        for key, child in value.items():
            _block(lines, f"{pad}{quoted(key)}:", child, indent + 2, depth + 1, flow_from)
    else:
        for child in value:
            lines.extend(_folded(f"{pad}-", list(_pieces(child)), indent + 2))


def _folded(begun: str, pieces: list[str], indent: int) -> Iterator[str]:
    """The pieces in as many lines as they take."""
    line = begun
    for number, piece in enumerate(pieces):
        if number and len(line) + 1 + len(piece) > _LINE_WIDTH:
            yield line
            line = " " * (indent + 6) + piece
        else:
            line = f"{line} {piece}"
    yield line


def _pieces(value: Value) -> Iterator[str]:
    """A value in one line, cut where a line may end: behind the commas."""
    if isinstance(value, dict):
        children = [_with_key(key, _pieces(child)) for key, child in value.items()]
        yield from _enclosed("{", children, "}")
    elif isinstance(value, list):
        yield from _enclosed("[", [list(_pieces(child)) for child in value], "]")
    else:
        yield _scalar(value)


def _with_key(key: str, pieces: Iterator[str]) -> list[str]:
    first, *others = pieces
    return [f"{quoted(key)}: {first}", *others]


def _enclosed(opening: str, children: list[list[str]], closing: str) -> Iterator[str]:
    pieces = [
        f"{piece}," if last and number < len(children) else piece
        for number, child in enumerate(children, 1)
        for last, piece in ((at == len(child), piece) for at, piece in enumerate(child, 1))
    ]
    if not pieces:
        yield opening + closing
        return
    pieces[0] = opening + pieces[0]
    pieces[-1] += closing
    yield from pieces


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")  # Never with an exponent, which is a trap.
    return quoted(value) if isinstance(value, str) else str(value)
