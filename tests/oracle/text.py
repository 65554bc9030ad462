"""From a graph to the text of its file, in one of many hands; every word's place is noted."""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any

from tests.oracle.model import End, Graph, Keys, Pinned, Raw, Short, Twin, Written

_SIMPLE = re.compile(r"[A-Za-z/.][A-Za-z0-9_./-]*(?: [A-Za-z0-9_/.-]+)*")
_IN_BLOCK = re.compile(r"[A-Za-z][A-Za-z0-9_.\[\]:-]*(?: -> )?[A-Za-z0-9_.\[\]:-]*[A-Za-z0-9\]]")
_MEANT_OTHERWISE = {
    "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity",
}  # fmt: skip
_COMMENTS = ("a comment", "no: yes", "[0:4] -> x", '"quoted', "- item", "été {", "1:30")


class Page:
    """A text that grows.  places: keys -> line and column of a key or item, from 1; values: of what
    stands behind a key."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._parts: list[str] = []
        self._line = 1
        self._column = 1
        self.places: dict[Keys, tuple[int, int]] = {}
        self.values: dict[Keys, tuple[int, int]] = {}
        self._step = random.choice((2, 2, 2, 4))
        self._indents_lists = random.random() < 0.6
        self._flow = random.choice((0.1, 0.4, 0.8))
        self._quotes = random.choice((0.0, 0.1, 0.5))
        self._comments = random.choice((0.0, 0.0, 0.15))

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def write_graph(self, graph: Graph) -> None:
        """Sections may stand in any order, what is in them keeps its own."""
        sections = list(graph)
        if self._random.random() < 0.3:
            self._random.shuffle(sections)
        if self._random.random() < 0.3:
            self._put(f"# {self._random.choice(_COMMENTS)}\n")
        self._mapping({key: graph[key] for key in sections}, (), 0)

    def _put(self, text: str) -> None:
        self._parts.append(text)
        newlines = text.count("\n")
        if newlines:
            self._line += newlines
            self._column = len(text) - text.rfind("\n")
        else:
            self._column += len(text)

    def _note(self, keys: Keys) -> None:
        self.places[keys] = self._line, self._column

    def _mapping(self, value: Graph, keys: Keys, indent: int, begun: bool = False) -> None:
        """Block style.  begun: the first key stands in a line that has begun."""
        for key, child in value.items():
            if not begun:
                self._between()
                self._put(" " * indent)
            begun = False
            self._note((*keys, key))
            self._put(self._key(key) + ":")
            self._behind(child, (*keys, key), indent)

    def _behind(self, value: Any, keys: Keys, indent: int) -> None:
        """What stands behind a key."""
        is_block = isinstance(value, (dict, list)) and value and not self._in_flow(keys)
        if not is_block:
            self._put(" ")
            self._inline(value, keys, indent, flow=False)
            self._end_line()
            return
        self._end_line()
        if isinstance(value, dict):
            self._mapping(value, keys, indent + self._step)
        else:
            self._sequence(value, keys, indent + (self._step if self._indents_lists else 0))

    def _sequence(self, value: list[Any], keys: Keys, indent: int) -> None:
        for index, child in enumerate(value):
            self._between()
            self._put(" " * indent + "- ")
            self._note((*keys, index))
            if isinstance(child, dict) and child and self._random.random() < 0.5:
                self._mapping(child, (*keys, index), indent + 2, begun=True)
            else:
                self._inline(child, (*keys, index), indent, flow=False)
                self._end_line()

    def _inline(self, value: Any, keys: Keys, indent: int, *, flow: bool) -> None:
        """In one line, but for flow collections that are long."""
        self.values[keys] = self._line, self._column
        if isinstance(value, dict):
            self._collection("{", "}", list(value.items()), keys, indent)
        elif isinstance(value, list):
            self._collection("[", "]", list(enumerate(value)), keys, indent)
        else:
            self._put(self._scalar(value, flow))

    def _collection(
        self, opening: str, closing: str, items: list[tuple[Any, Any]], keys: Keys, indent: int
    ) -> None:
        self._put(opening)
        for number, (key, value) in enumerate(items):
            if number:
                self._put(",")
                broken = self._random.random() < 0.03
                self._put("\n" + " " * (indent + 3) if broken else " ")
            self._note((*keys, key))
            if opening == "{":
                self._put(self._key(key) + ": ")
            self._inline(value, (*keys, key), indent, flow=True)
        self._put(closing)

    def _in_flow(self, keys: Keys) -> bool:
        if len(keys) == 1:
            return self._random.random() < 0.05
        return len(keys) > 3 or self._random.random() < self._flow

    def _key(self, key: Any) -> str:
        if isinstance(key, Raw):
            return str(key)
        return self._word(str.__str__(key) if isinstance(key, Twin) else str(key), in_flow=True)

    def _scalar(self, value: Any, in_flow: bool) -> str:
        if isinstance(value, Raw):
            return str(value)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, Written):
            return self._word(value.text, in_flow, numeric=True)
        if isinstance(value, (int, float)):
            return str(value)
        if isinstance(value, (End, Pinned, Short)):
            value = str(value)
        return self._word(value, in_flow)

    def _word(self, text: str, in_flow: bool, numeric: bool = False) -> str:
        """Plain where every reader takes it for this text, else in quotes."""
        is_plain = text.lower() not in _MEANT_OTHERWISE and (
            _SIMPLE.fullmatch(text)
            or (not in_flow and _IN_BLOCK.fullmatch(text))
            or (numeric and re.fullmatch(r"-?\d+(?:\.\d+)?(?: ?[A-Za-z]+(?:/s)?)?", text))
        )
        is_number = numeric and re.fullmatch(r"-?\d+", text)
        if is_number or (is_plain and self._random.random() >= self._quotes):
            return text
        return f"'{text}'" if self._random.random() < 0.3 and "'" not in text else json.dumps(text)

    def _end_line(self) -> None:
        if self._random.random() < self._comments:
            self._put(f"  # {self._random.choice(_COMMENTS)}")
        self._put("\n")

    def _between(self) -> None:
        if self._random.random() < self._comments / 2:
            self._put("\n" if self._random.random() < 0.5 else f"   # {_COMMENTS[0]}\n")
