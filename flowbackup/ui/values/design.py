"""Of the chain designer: graph files, their texts, what is wrong with them, and their pictures."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from flowbackup.ui.values.shape import Asked, JsonObject, Told

ON_CANVAS = 1_000_000.0
"""Farther out nobody finds a box again, and pictures of the canvas lose their accuracy."""
Coordinate = Annotated[float, Field(ge=-ON_CANVAS, le=ON_CANVAS, allow_inf_nan=False)]


class Position(Asked):
    """Where a box stands on the canvas."""

    x: Coordinate
    y: Coordinate


class GraphRow(Told):
    """A graph file.  path: absolute; it follows /api/graphs in addresses.  changed_ns: a number of
    19 digits as text."""

    name: str
    path: str
    changed_ns: str


class GraphRows(Told):
    rows: list[GraphRow]
    next: str | None


class GraphText(Told):
    """version: to be sent back when it is saved."""

    name: str
    path: str
    text: str
    version: str
    positions: dict[str, Position]


class SaveGraph(Asked):
    """before: the `version` that was loaded.  positions: None leaves those that are there."""

    text: str
    before: str
    positions: dict[str, Position] | None = None


class NewGraph(Asked):
    """path: relative ones begin at the first root."""

    path: str
    text: str
    positions: dict[str, Position] | None = None


class Template(Told):
    name: str
    title: str
    text: str


class FindingRow(Told):
    """place: "line:column".  keys: the path into the spec of what stands there."""

    severity: Literal["error", "warning"]
    place: str
    line: int
    column: int
    keys: list[str | int]
    rule: str
    reason: str
    remedy: str


class NodeMemory(Told):
    node: str
    bytes: int


class DesignBox(Told):
    """kind: client, backup, mirror, restore or copy.  group: "" for a client.  level: couplings
    behind the group that begins the chain."""

    name: str
    kind: str
    lines: list[str]
    group: str
    rank: int
    buffers: int
    device: str
    node: str
    level: int


class DesignEdge(Told):
    """source_buffers, target_buffers: ranges [first, last); None for the step from a device that
    was written to the agent that reads it, which is labelled "then"."""

    source: str
    target: str
    label: str
    optional: bool
    source_buffers: tuple[int, int] | None
    target_buffers: tuple[int, int] | None


class DesignPicture(Told):
    title: str
    boxes: list[DesignBox]
    edges: list[DesignEdge]
    note: str


class Design(Told):
    """What a text says.  spec: in the shape of the file, without what equals a default; what could
    be read where something could not; None where nothing could.  picture: None while there are
    errors.  rate: bytes of source per second, as far as rates are known."""

    text: str
    spec: JsonObject | None
    findings: list[FindingRow]
    picture: DesignPicture | None
    memory: list[NodeMemory]
    bottleneck: str
    rate: float | None


class CheckDesign(Asked):
    """path: of the file, to which relative paths of the graph refer; "" for one that is new."""

    text: str
    path: str = ""


class EditDesign(Asked):
    """spec: what the text is to say."""

    text: str
    spec: JsonObject
    path: str = ""


class LegalTargets(Asked):
    """source: "group", "group.device", "group.device[0:4]", or the name of a client."""

    text: str
    source: str
    path: str = ""


class LegalTarget(Told):
    """reason: why a coupling to it is refused; "" for a legal one, and for one of a large graph
    that only the drop will try."""

    target: str
    legal: bool
    reason: str


class Legality(Told):
    targets: list[LegalTarget]


class DiffTexts(Asked):
    before: str = Field(max_length=1 << 20)
    after: str = Field(max_length=1 << 20)


class DiffLine(Told):
    kind: Literal["same", "add", "del"]
    text: str
