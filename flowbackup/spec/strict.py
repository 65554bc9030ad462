"""From the text of a YAML file to plain values with a place for each: the strict subset of YAML in
which a graph is written.  Built from parser events, so that anchors, aliases and tags are refused
before anything is made of them, and nesting is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from flowbackup.spec.finding import Finding, error
from flowbackup.spec.names import shown
from flowbackup.spec.scalars import Scalar, TrapError, resolve_plain
from flowbackup.spec.tree import TEXT_BYTES_MAX, Keys, Tree, Value

DEPTH_MAX = 16
"""The deepest legal value, a word of a hook of an object, is eight levels down."""

_NO_KEY = "?"
"""Stands for a key that is none."""
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and marks that make a text look other than it is."""


class _Stop(Exception):
    """Nothing more can be read from this text."""


def read_strict(text: str, path: str) -> Tree:
    """Reads everything it can; what is wrong stands in `findings`."""
    tree = Tree(path)
    if len(text.encode("utf-8", "surrogatepass")) > TEXT_BYTES_MAX:
        tree.findings.append(
            error(f"{path}:1:1", "size", "the file is over 1 MiB", "Split it into several graphs.")
        )
        return tree
    tree.findings.extend(_forbidden_characters(text, path))
    if not tree.findings:
        _Reader(tree).read(text)
    return tree


def _forbidden_characters(text: str, path: str) -> Iterator[Finding]:
    for match in _FORBIDDEN.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        column = match.start() - text.rfind("\n", 0, match.start())
        yield error(
            f"{path}:{line}:{column}", "control-character",
            f"the file holds the control character U+{ord(match[0]):04X}", "Delete it.",
        )  # fmt: skip
        return


class _Reader:
    """Turns events into values, and collects findings."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._events: Iterator[Event] = iter(())

    def read(self, text: str) -> None:
        try:
            self._events = iter(YAML(typ="safe", pure=True).parse(text))
            self._document()
        except _Stop:
            pass
        except MarkedYAMLError as fault:
            mark = fault.problem_mark or fault.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            words = ", ".join(str(part) for part in (fault.context, fault.problem) if part)
            self._found(
                line,
                column,
                (),
                "syntax",
                f"this is not YAML: {words}",
                "Check indentation, quotes and brackets here and one line above.",
            )
        except (YAMLError, ValueError, RecursionError) as fault:
            self._found(
                1,
                1,
                (),
                "syntax",
                f"this is not YAML: {str(fault).splitlines()[0]}",
                "Save it as UTF-8 text.",
            )

    def _document(self) -> None:
        documents = 0
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._at(
                        event,
                        (),
                        "documents",
                        "a second document begins here",
                        'Delete the line "---" and what follows it.',
                    )
                    return
                if event.version or event.tags:
                    self._at(
                        event,
                        (),
                        "directive",
                        "the file has a %YAML or %TAG directive",
                        "Delete it.",
                    )
            elif isinstance(
                event, (ScalarEvent, MappingStartEvent, SequenceStartEvent, AliasEvent)
            ):
                self._tree.value = self._value(event, (), 0)

    def _value(self, event: Event, keys: Keys, depth: int) -> Value:
        self._refuse_anchor_and_tag(event, keys)
        if isinstance(event, MappingStartEvent):
            self._check_depth(event, keys, depth)
            return self._mapping(keys, depth)
        if isinstance(event, SequenceStartEvent):
            self._check_depth(event, keys, depth)
            return self._sequence(keys, depth)
        return self._scalar(event, keys) if isinstance(event, ScalarEvent) else None

    def _mapping(self, keys: Keys, depth: int) -> dict[str, Value]:
        result: dict[str, Value] = {}
        for event in self._events:
            if isinstance(event, MappingEndEvent):
                break
            name = self._key(event, keys, depth)
            if name is None:
                self._value(next(self._events), (*keys, _NO_KEY), depth + 1)
                continue
            child = (*keys, name)
            doubled = name in result
            if doubled:
                first = self._tree.places[child][0]
                self._at(
                    event,
                    child,
                    "doubled-key",
                    f'the key "{shown(name)}" stands here a '
                    f"second time, the first is in line {first}",
                    "Delete one of the two.",
                )
            else:
                self._tree.places[child] = _position(event)
            value = self._value(
                next(self._events), (*keys, name, "doubled") if doubled else child, depth + 1
            )
            if not doubled:
                result[name] = value
        return result

    def _key(self, event: Event, keys: Keys, depth: int) -> str | None:
        """The name; None where it is no text, so that its value belongs to nothing."""
        if not isinstance(event, ScalarEvent):
            self._at(event, keys, "key", "a key is a list, a mapping or an alias", "Write a name.")
            self._value(event, (*keys, _NO_KEY), depth + 1)
            return None
        self._refuse_anchor_and_tag(event, keys)
        text = str(event.value)
        if event.style is None:
            try:
                value = resolve_plain(text)
            except TrapError as trap:
                self._at(event, (*keys, text), "trap", trap.reason, trap.remedy)
                return text
            if not isinstance(value, str):
                self._at(
                    event,
                    (*keys, text),
                    "trap",
                    f"the key {text} is a number or a switch",
                    f'Put it in quotes, "{text}", if it is a name.',
                )
        return text

    def _sequence(self, keys: Keys, depth: int) -> list[Value]:
        result: list[Value] = []
        for event in self._events:
            if isinstance(event, SequenceEndEvent):
                break
            child = (*keys, len(result))
            self._tree.places[child] = _position(event)
            result.append(self._value(event, child, depth + 1))
        return result

    def _scalar(self, event: ScalarEvent, keys: Keys) -> Scalar:
        text = str(event.value)
        if event.style is not None:
            return text
        if not text:
            return None
        try:
            return resolve_plain(text)
        except TrapError as trap:
            self._at(event, keys, "trap", trap.reason, trap.remedy)
            return text

    def _check_depth(self, event: Event, keys: Keys, depth: int) -> None:
        if depth >= DEPTH_MAX:
            self._at(
                event,
                keys,
                "depth",
                f"values are nested deeper than {DEPTH_MAX} levels",
                "A graph needs five.",
            )
            raise _Stop

    def _refuse_anchor_and_tag(self, event: Event, keys: Keys) -> None:
        if isinstance(event, AliasEvent):
            self._at(
                event,
                keys,
                "alias",
                f"the alias *{shown(str(event.anchor))} is not allowed",
                "Write the value out.",
            )
            return
        anchor = getattr(event, "anchor", None)
        if anchor:
            self._at(
                event,
                keys,
                "anchor",
                f"the anchor &{shown(str(anchor))} is not allowed",
                "Delete it.",
            )
        tag = getattr(event, "tag", None)
        if tag:
            self._at(event, keys, "tag", f"the tag {shown(str(tag))} is not allowed", "Delete it.")

    def _at(self, event: Event, keys: Keys, rule: str, reason: str, remedy: str) -> None:
        line, column = _position(event)
        self._found(line, column, keys, rule, reason, remedy)

    def _found(
        self, line: int, column: int, keys: Keys, rule: str, reason: str, remedy: str
    ) -> None:
        self._tree.faults.add(keys)
        place = f"{self._tree.path}:{line}:{column}"
        self._tree.findings.append(error(place, rule, reason, remedy))


def _position(event: Event) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1
