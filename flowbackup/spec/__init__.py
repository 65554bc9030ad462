"""WRITTEN: what the user asked for, frozen, with the place of each word.

`models` the written graph; `hooks` what is done around it; `written` what its parts share;
`fields`, `names`, `scalars`, `endpoint` its values; `tree` plain values with places, from YAML by
`plain` or, where it is not plain, `strict`; `faults` what is wrong with the form; `finding` how a
fault is said; `document` a graph file as it was read; `dump` back to text, `emit` a new one,
`editing` one that was there; `builder` a graph in Python; `quick` a graph from a command line;
`schema` for editors.  The only house that knows pydantic and ruamel.yaml.
"""

from __future__ import annotations

from flowbackup.spec.builder import GraphBuilder
from flowbackup.spec.document import GraphDocument, load_graph, parse_graph
from flowbackup.spec.dump import document_of, dump_graph, edit_graph
from flowbackup.spec.finding import Finding, Severity
from flowbackup.spec.models import GraphSpec
from flowbackup.spec.quick import quick_graph
from flowbackup.spec.schema import graph_schema

__all__ = [
    "Finding",
    "GraphBuilder",
    "GraphDocument",
    "GraphSpec",
    "Severity",
    "document_of",
    "dump_graph",
    "edit_graph",
    "graph_schema",
    "load_graph",
    "parse_graph",
    "quick_graph",
]
