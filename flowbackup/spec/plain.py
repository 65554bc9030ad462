"""The plain part of YAML, in which nearly every graph is written, read line by line: twenty times
as fast as by a library, which for ten thousand agents is the difference between noticing and not.

Blocks, flow collections, words, numbers, quoted texts, comments.  Whatever is not plain beyond
doubt (escapes, texts over several lines, anchors, tags, tabs, odd signs), and every fault, is left
to `strict`, which knows all of YAML and the words for what is wrong.  What is read here is what
`strict` would have read, place by place.
"""

from __future__ import annotations

import re

from flowbackup.spec.scalars import Scalar, TrapError, resolve_plain
from flowbackup.spec.tree import TEXT_BYTES_MAX, Keys, Tree, Value

_DEPTH_MAX = 10
"""Deeper than any graph, and less than what `strict` refuses."""

_SIGNS = re.compile("[\n -~\u00a1-\u1fff]*")
_QUOTED = r'"[^"\\]*"|\'[^\']*\'(?!\')'
_KEY = re.compile(rf"({_QUOTED}|[A-Za-z0-9_][\w./-]*):(?= |\Z) *", re.ASCII)
_TEXT = re.compile(_QUOTED)
_START = r"(?:[A-Za-z0-9_/.]|-(?=[A-Za-z0-9]))"
_WORDS = re.compile(_START + r"(?:[^:#]|:(?! |\Z)|(?<! )#)*")
_WORDS_IN_FLOW = re.compile(_START + r"[^:#,\[\]{}]*")
_KEY_LENGTH_MAX = 200
"""A key of over a thousand characters is none to YAML."""


class _NotPlain(Exception):
    """The text needs a reader that knows more."""


def read_plain(text: str, path: str) -> Tree | None:
    """The tree of a text that is plain and has no fault; None for any other."""
    if len(text) > TEXT_BYTES_MAX or _SIGNS.fullmatch(text) is None:
        return None
    if not text.isascii() and len(text.encode()) > TEXT_BYTES_MAX:
        return None
    tree = Tree(path)
    try:
        tree.value = _Lines(text, tree).read()
    except (_NotPlain, TrapError):
        return None
    return tree


class _Lines:
    """Lines that hold something, and where the reader is: at a column of one of them."""

    def __init__(self, text: str, tree: Tree) -> None:
        self._places = tree.places
        self._lines: list[str] = []
        self._numbers: list[int] = []
        self._indents: list[int] = []
        for number, line in enumerate(text.split("\n"), 1):
            stripped = line.lstrip(" ")
            if stripped and stripped[0] != "#":
                self._lines.append(line)
                self._numbers.append(number)
                self._indents.append(len(line) - len(stripped))
        self._indents.append(-1)  # Behind the last line every block ends.
        self._at = 0
        self._column = 0

    def read(self) -> Value:
        if not self._lines or self._indents[0] != 0:
            raise _NotPlain
        value = self._mapping((), 0, 0)
        if self._at < len(self._lines):
            raise _NotPlain
        return value

    def _mapping(self, keys: Keys, indent: int, depth: int) -> Value:
        if depth >= _DEPTH_MAX:
            raise _NotPlain
        result: dict[str, Value] = {}
        while self._indents[self._at] == indent:
            self._column = indent
            name = self._key(keys, result)
            result[name] = self._value((*keys, name), indent, depth + 1)
        return result

    def _key(self, keys: Keys, known: dict[str, Value]) -> str:
        """The key at this place; behind it stands its value."""
        match = _KEY.match(self._lines[self._at], self._column)
        if match is None or match.end(1) - self._column > _KEY_LENGTH_MAX:
            raise _NotPlain
        written = match[1]
        name = written[1:-1] if written[0] in "\"'" else resolve_plain(written)
        if not isinstance(name, str) or name in known:
            raise _NotPlain
        self._places[(*keys, name)] = self._numbers[self._at], self._column + 1
        self._column = match.end()
        return name

    def _value(self, keys: Keys, indent: int, depth: int) -> Value:
        """What stands behind a key, in its line or below it."""
        if not self._is_empty():
            return self._in_line(keys, indent, depth)
        self._at += 1
        below = self._indents[self._at]
        if below >= indent and self._begins_item():
            return self._sequence(keys, below, depth)
        if below > indent:
            return self._mapping(keys, below, depth)
        return None

    def _sequence(self, keys: Keys, indent: int, depth: int) -> Value:
        if depth >= _DEPTH_MAX:
            raise _NotPlain
        result: list[Value] = []
        while self._indents[self._at] == indent and self._begins_item():
            result.append(self._item((*keys, len(result)), indent, depth + 1))
        return result

    def _item(self, keys: Keys, indent: int, depth: int) -> Value:
        line = self._lines[self._at]
        self._column = indent + 1
        if self._is_empty():
            self._at += 1
            if self._indents[self._at] <= indent or self._begins_item():
                raise _NotPlain
            begin = self._indents[self._at]
        else:
            begin = len(line) - len(line[indent + 1 :].lstrip(" "))
        self._places[keys] = self._numbers[self._at], begin + 1
        self._column = begin
        if _KEY.match(self._lines[self._at], begin):
            self._indents[self._at] = begin  # As if the first key stood alone in its line.
            return self._mapping(keys, begin, depth)
        return self._in_line(keys, indent, depth)

    def _in_line(self, keys: Keys, indent: int, depth: int) -> Value:
        """A scalar or a flow collection, and the end of the line behind it."""
        line = self._lines[self._at]
        if line[self._column] in "{[":
            value = self._flow(keys, indent, depth)
        else:
            value = self._scalar(_WORDS)
        if not self._is_empty():
            raise _NotPlain
        self._at += 1
        if self._indents[self._at] > indent:
            raise _NotPlain  # The text goes on in the next line.
        return value

    def _scalar(self, words: re.Pattern[str]) -> Scalar:
        line = self._lines[self._at]
        is_quoted = line[self._column] in "\"'"
        match = (_TEXT if is_quoted else words).match(line, self._column)
        if match is None:
            raise _NotPlain
        self._column = match.end()
        return match[0][1:-1] if is_quoted else resolve_plain(match[0].rstrip(" "))

    def _flow(self, keys: Keys, indent: int, depth: int) -> Value:
        """From the opening bracket to behind the closing one; perhaps over several lines."""
        if depth >= _DEPTH_MAX:
            raise _NotPlain
        is_mapping = self._next_sign(indent) == "{"
        end = "}" if is_mapping else "]"
        mapping: dict[str, Value] = {}
        items: list[Value] = []
        self._column += 1
        while self._next_sign(indent) != end:
            if is_mapping:
                name = self._key(keys, mapping)
                mapping[name] = self._flow_value((*keys, name), indent, depth + 1)
            else:
                child = (*keys, len(items))
                self._places[child] = self._numbers[self._at], self._column + 1
                items.append(self._flow_value(child, indent, depth + 1))
            if self._next_sign(indent) == ",":
                self._column += 1
            elif self._next_sign(indent) != end:
                raise _NotPlain
        self._column += 1
        return mapping if is_mapping else items

    def _flow_value(self, keys: Keys, indent: int, depth: int) -> Value:
        sign = self._next_sign(indent)
        if sign in "{[":
            return self._flow(keys, indent, depth)
        if sign in ",}" and isinstance(keys[-1], str):
            return None
        return self._scalar(_WORDS_IN_FLOW)

    def _next_sign(self, indent: int) -> str:
        """The next sign of a flow collection, where the reader then is."""
        while self._is_empty():
            self._at += 1
            if self._indents[self._at] <= indent:
                raise _NotPlain
            self._column = self._indents[self._at]
        line = self._lines[self._at]
        while line[self._column] == " ":
            self._column += 1
        return line[self._column]

    def _is_empty(self) -> bool:
        """Is there nothing but a comment in the rest of this line?"""
        line, column = self._lines[self._at], self._column
        while column < len(line) and line[column] == " ":
            column += 1
        if column == len(line):
            return True
        if line[column] != "#":
            return False
        if column and line[column - 1] != " ":
            raise _NotPlain
        return True

    def _begins_item(self) -> bool:
        """Does a list item begin in this line?"""
        indent = self._indents[self._at]
        if indent < 0:
            return False
        line = self._lines[self._at]
        return line[indent] == "-" and line[indent + 1 : indent + 2] in ("", " ")
