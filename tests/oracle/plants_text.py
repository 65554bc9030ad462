"""Faults of a file that is no graph, or hardly one: bytes, and what stands outside of all keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

MIB = 1 << 20


class TextFault(NamedTuple):
    """data: the file.  line: where the fault must be told."""

    data: bytes
    rule: str
    remedy: str
    line: int


Spoiler = Callable[[str], TextFault]


def _behind(text: str, more: str, rule: str, remedy: str) -> TextFault:
    """A line more, which is wrong."""
    return TextFault((text + more).encode(), rule, remedy, text.count("\n") + 1)


SPOILERS: dict[str, Spoiler] = {
    "control character": lambda t: _behind(t, "# \x07\n", "control-character", "Delete it"),
    "turned writing": lambda t: _behind(t, "# \u202e\n", "control-character", "Delete it"),
    "second document": lambda t: _behind(t, "---\ngraph: b\n", "documents", "Delete the line"),
    "directive": lambda t: TextFault(
        f"%YAML 1.1\n---\n{t}".encode(), "directive", "Delete it", 2
    ),
    "too large": lambda t: TextFault(t.encode() + b"#" * MIB, "size", "Split it", 1),
    "stray bracket": lambda t: _behind(t, "}: x\n", "syntax", "Check indentation"),
    "stray sign": lambda t: _behind(t, "@x: 1\n", "syntax", "Check indentation"),
    "stray percent": lambda t: _behind(t, "x: %y\n", "syntax", "Check indentation"),
    "colon in a word": lambda t: _behind(t, "x: b: c\n", "syntax", "Check indentation"),
    "Latin 1": lambda t: TextFault(
        t.encode() + b"# \xfc\n", "encoding", "Save the file as UTF-8", t.count("\n") + 1
    ),
    "UTF-16": lambda t: TextFault(t.encode("utf-16"), "encoding", "Save it as UTF-8", 1),
    "nothing": lambda t: TextFault(b"", "empty", "Begin with a line such as", 1),
    "a list": lambda t: TextFault(b"- a\n- b\n", "empty", "Begin with a line such as", 1),
    "a word": lambda t: TextFault(b"nightly\n", "empty", "Begin with a line such as", 1),
}  # fmt: skip
