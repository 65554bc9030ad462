"""From a spec back to the text of a graph file, comments and order kept where there were any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from flowbackup.spec.document import GraphDocument, parse_graph
from flowbackup.spec.emit import emit_graph
from flowbackup.spec.finding import MADE_PATH
from flowbackup.spec.models import CouplingSpec, GraphSpec
from flowbackup.spec.tree import Value


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
    from flowbackup.spec.editing import edited_text  # noqa: PLC0415  keeps ruamel.yaml out

    return edited_text(document.text, document.path, spec_values(document.spec), values)


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
