"""From a spec back to the text of a graph file, comments and order kept where there were any."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import cast

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from flowbackup.errors import GraphError
from flowbackup.spec.document import GraphDocument, parse_graph
from flowbackup.spec.emit import emit_graph, quoted
from flowbackup.spec.finding import MADE_PATH
from flowbackup.spec.models import CouplingSpec, GraphSpec
from flowbackup.spec.tree import Value

_LINE_WIDTH = 1 << 20
"""Nothing is wrapped: a long line that was written so is to stay so."""


def dump_graph(written: GraphDocument | GraphSpec) -> str:
    """The text of a graph.  That of a document is the text that was read, byte for byte; that of
    a spec holds what differs from the defaults."""
    if isinstance(written, GraphDocument):
        return written.text
    return emit_graph(spec_values(written))


def document_of(spec: GraphSpec, path: str = MADE_PATH) -> GraphDocument:
    """A document for a spec that was made by a program, and has no file."""
    return parse_graph(dump_graph(spec), path)


def edit_graph(document: GraphDocument, spec: GraphSpec) -> GraphDocument:
    """The document with its text changed so that it says `spec`: what did not change keeps its
    place, its form and its comments."""
    return parse_graph(edit_text(document, spec_values(spec)), document.path)


def edit_text(document: GraphDocument, values: Mapping[str, Value]) -> str:
    """The text of the document changed so that it says `values`, of the shape of `spec_values`, be
    they right or wrong: reading the text tells.  What could not be read of it stays as it is, where
    they say nothing about it.  Raises GraphError for a text that is no YAML."""
    if values == spec_values(document.spec):
        return document.text
    try:
        tree = _round_trip().load(document.text)
    except YAMLError as fault:
        raise GraphError(
            f"{document.path} is not changed: {str(fault).splitlines()[0]}",
            remedy="repair the text first",
        ) from None
    _merge(tree, spec_values(document.spec), values)
    return _emit(tree)


def spec_values(spec: GraphSpec) -> dict[str, Value]:
    """The spec as plain YAML values, without what equals a default."""
    values = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude_none=True)
    if spec.couplings:
        values["couplings"] = [_coupling(c) for c in spec.couplings]
    return cast("dict[str, Value]", {"graph": spec.graph, **values})


def _coupling(coupling: CouplingSpec) -> Value:
    if not coupling.has_options:
        return str(coupling)
    values = coupling.model_dump(mode="json", by_alias=True, exclude_none=True)
    return cast("dict[str, Value]", values)


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
    first = 0
    while first < min(len(old), len(new)) and old[first] == new[first]:
        first += 1
    last = 0
    while last < min(len(old), len(new)) - first and old[-1 - last] == new[-1 - last]:
        last += 1
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
