"""Changes in the text of a graph file: comments, order and form stay where nothing changes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from flowbackup.errors import GraphError
from flowbackup.spec.emit import quoted
from flowbackup.spec.tree import Value

_LINE_WIDTH = 1 << 20
"""Nothing is wrapped: a long line that was written so is to stay so."""


def edited_text(
    text: str, path: str, old: Mapping[str, Value], new: Mapping[str, Value]
) -> str:  # fmt: skip
    """The text that says `new` where it said `old`.  Raises GraphError for one that is no YAML."""
    try:
        tree = _round_trip().load(text)
    except YAMLError as fault:
        raise GraphError(
            f"{path} is not changed: {str(fault).splitlines()[0]}",
            remedy="repair the text first",
        ) from None
    _merge(tree, old, new)
    return _emit(tree)


def common_ends(old: Sequence[object], new: Sequence[object]) -> tuple[int, int]:
    """How many items both have in common at the beginning, and how many more at the end."""
    most = min(len(old), len(new))
    first = 0
    while first < most and old[first] == new[first]:
        first += 1
    last = 0
    while last < most - first and old[-1 - last] == new[-1 - last]:
        last += 1
    return first, last


def _merge(tree: CommentedMap, old: Mapping[str, Value], new: Mapping[str, Value]) -> None:
    """Changes in `tree` exactly what differs between two sets of values."""
    for key in old:
        if key not in new and key in tree:
            del tree[key]
    for key, value in new.items():
        before = old.get(key)
        if key in tree and value == before:
            continue
        if (
            isinstance(value, dict)
            and isinstance(before, dict)
            and isinstance(tree[key], CommentedMap)
        ):
            _merge(tree[key], before, value)
        elif (
            isinstance(value, list)
            and isinstance(before, list)
            and isinstance(tree[key], CommentedSeq)
        ):
            _merge_list(tree[key], before, value)
        else:
            tree[key] = _styled_value(value, depth=1, flow_from=2)


def _merge_list(tree: CommentedSeq, old: list[Value], new: list[Value]) -> None:
    """Items that stay keep their comments: common ones at the beginning and the end."""
    first, last = common_ends(old, new)
    for index in reversed(range(first, len(old) - last)):
        del tree[index]
    for index in range(first, len(new) - last):
        tree.insert(index, _styled_value(new[index], depth=2, flow_from=2))


def _styled_value(value: Value, depth: int, flow_from: int) -> object:
    """Round-trip values; from the depth `flow_from` on, in one line."""
    if isinstance(value, dict):
        mapping = CommentedMap(
            {_quoted(k): _styled_value(v, depth + 1, flow_from) for k, v in value.items()}
        )
        if depth >= flow_from or not value:
            mapping.fa.set_flow_style()
        return mapping
    if isinstance(value, list):
        sequence = CommentedSeq([_styled_value(v, depth + 1, flow_from) for v in value])
        if depth >= flow_from or not value:
            sequence.fa.set_flow_style()
        return sequence
    return _quoted(value) if isinstance(value, str) else value


def _quoted(text: str) -> str:
    """Quotes for every word that our own reader would not take as this text."""
    return text if quoted(text) == text else DoubleQuotedScalarString(text)


def _round_trip() -> YAML:
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = _LINE_WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _emit(tree: CommentedMap) -> str:
    stream = io.StringIO()
    _round_trip().dump(tree, stream)
    return stream.getvalue()
