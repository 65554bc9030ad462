"""A graph file as it was read: the spec, the text, and where each value stands in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from flowbackup.errors import GraphError
from flowbackup.spec.faults import form_findings
from flowbackup.spec.finding import Finding, error, graph_error
from flowbackup.spec.models import GraphSpec
from flowbackup.spec.partial import remains_of
from flowbackup.spec.plain import read_plain
from flowbackup.spec.tree import TEXT_BYTES_MAX, Key, Keys, Tree, Value, place_in

TEXT_PATH = "<text>"
_MAY_BE_EMPTY = frozenset(
    {
        "nodes",
        "clients",
        "devices",
        "backup_groups",
        "mirror_groups",
        "restore_groups",
        "copy_groups",
        "couplings",
        "hooks",
        "notices",
    }
)


@dataclass(frozen=True, slots=True)
class GraphDocument:
    """spec: what was written.  text: how.  path: the file, or "<text>".  Its own equality is that
    of the spec and the text."""

    spec: GraphSpec
    text: str
    path: str = TEXT_PATH
    places: Mapping[Keys, tuple[int, int]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def base(self) -> Path:
        """The directory to which relative paths of the graph refer."""
        return Path.cwd() if self.path.startswith("<") else Path(self.path).absolute().parent

    def place(self, *keys: Key) -> str:
        """ "file:line:column" of a key, as in place("mirror_groups", "offsite", "mirrors"), or of
        the nearest thing around it that was written."""
        return place_in(self.path, self.places, keys)


@dataclass(frozen=True, slots=True)
class Reading:
    """What could be read of a text.  findings: faults of form; with any, `document` is what is
    left when they are cut out, if anything, `dropped` the names of the parts and sections that
    were cut out whole, `damaged` those of the parts that lost something."""

    document: GraphDocument | None
    findings: tuple[Finding, ...]
    dropped: frozenset[str] = frozenset()
    damaged: frozenset[str] = frozenset()


def load_graph(path: str | Path) -> GraphDocument:
    """Reads a graph file.  Raises GraphError with a finding for every fault of form: encoding,
    YAML, unknown keys, wrong values.  What the names refer to is checked by `plan`."""
    return _document(read_graph_file(path), str(path))


def parse_graph(text: str, path: str = TEXT_PATH) -> GraphDocument:
    """As `load_graph`, from a text; `path` stands in places and is what relative paths refer to."""
    return _document(read_graph_text(text, path), path)


def read_graph_file(path: str | Path) -> Reading:
    """As `load_graph`, with the findings returned.  Raises GraphError only where there is no file
    to read."""
    try:
        with open(path, "rb") as file:
            data = file.read(TEXT_BYTES_MAX + 1)
    except OSError as fault:
        raise GraphError(
            f"{path} cannot be read: {fault.strerror}", remedy="name a graph file"
        ) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        if len(data) <= TEXT_BYTES_MAX:
            return Reading(None, (_wrong_encoding(data, fault, str(path)),))
        text = data.decode("utf-8", "replace")
    return read_graph_text(text, str(path))


def read_graph_text(text: str, path: str = TEXT_PATH) -> Reading:
    """As `parse_graph`, with the findings returned."""
    tree = read_plain(text, path) or _read_strict(text, path)
    if tree.findings and tree.value is None:
        return Reading(None, tuple(tree.findings))
    if not isinstance(tree.value, dict):
        reason = "the file is empty" if tree.value is None else "the file holds no keys"
        finding = error(f"{path}:1:1", "empty", reason, "Begin with a line such as graph: nightly.")
        return Reading(None, (*tree.findings, finding))
    values = _without_empty_sections(tree.value)
    try:
        spec = GraphSpec.model_validate(values)
    except ValidationError as failure:
        tree.findings.extend(form_findings(failure, tree))
        remains = remains_of(tree, values)
        if remains is None:
            return Reading(None, tuple(tree.findings))
        document = GraphDocument(remains.spec, text, path, remains.places)
        findings = tuple(tree.findings)
        return Reading(document, findings, remains.dropped, remains.damaged)
    return Reading(GraphDocument(spec, text, path, tree.places), tuple(tree.findings))


def _read_strict(text: str, path: str) -> Tree:
    from flowbackup.spec.strict import read_strict  # noqa: PLC0415  keeps ruamel.yaml out

    return read_strict(text, path)


def _document(reading: Reading, path: str) -> GraphDocument:
    if reading.document is None or reading.findings:
        raise graph_error(path, reading.findings)
    return reading.document


def _without_empty_sections(value: Value) -> dict[str, Value]:
    """A section whose last line was deleted reads as empty, not as a fault."""
    written = cast("dict[str, Value]", value)
    return {k: v for k, v in written.items() if not (v is None and k in _MAY_BE_EMPTY)}


def _wrong_encoding(data: bytes, fault: UnicodeDecodeError, path: str) -> Finding:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return error(f"{path}:1:1", "encoding", "the file is UTF-16", "Save it as UTF-8.")
    before = data[: fault.start]
    line = before.count(b"\n") + 1
    column = fault.start - before.rfind(b"\n")
    reason = f"the byte 0x{data[fault.start]:02x} is not UTF-8"
    return error(f"{path}:{line}:{column}", "encoding", reason, "Save the file as UTF-8.")
