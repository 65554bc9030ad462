"""Routes of graph files and templates."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from flowbackup.spec.finding import Severity
from flowbackup.ui.bounds import OUTSIDE, PROGRAM
from flowbackup.ui.design import read_design
from flowbackup.ui.graph_files import (
    find_graphs,
    graph_path,
    read_positions,
    read_text,
    save,
    save_positions,
    version_of,
)
from flowbackup.ui.pages import LIMIT_MAX, page_of
from flowbackup.ui.refusal import Refused
from flowbackup.ui.roots import Roots
from flowbackup.ui.starting import templates
from flowbackup.ui.values.design import (
    GraphRow,
    GraphRows,
    GraphText,
    NewGraph,
    Position,
    SaveGraph,
    Template,
)


def graph_routes(roots: Roots) -> APIRouter:
    """Listing, reading and saving."""
    router = APIRouter()

    @router.get("/api/graphs")
    def list_graphs(
        after: str = "", limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_MAX
    ) -> GraphRows:
        rows = [
            GraphRow(name=file.path.stem, path=str(file.path), changed_ns=str(file.changed_ns))
            for file in find_graphs(roots)
        ]
        found, following = page_of(rows, after, limit)
        return GraphRows(rows=found, next=following)

    @router.post("/api/graphs", status_code=201)
    def create_graph(asked: NewGraph) -> GraphText:
        return _save(asked.path, asked.text, None, asked.positions, roots)

    @router.get("/api/graphs/{path:path}")
    def get_graph(path: str) -> GraphText:
        return _loaded(path, roots)

    @router.put("/api/graphs/{path:path}")
    def save_graph(path: str, asked: SaveGraph) -> GraphText:
        return _save(f"/{path}", asked.text, asked.before, asked.positions, roots)

    @router.get("/api/templates")
    def list_templates() -> list[Template]:
        return templates()

    return router


def _loaded(path: str, roots: Roots) -> GraphText:
    file = graph_path(f"/{path}", roots)
    text = read_text(file)
    return GraphText(
        name=file.stem, path=str(file), text=text, version=version_of(text),
        positions=read_positions(file),
    )  # fmt: skip


def _save(
    named: str, text: str, before: str | None, positions: dict[str, Position] | None, roots: Roots
) -> GraphText:  # fmt: skip
    """A text with faults may be saved: nobody is to lose what was drawn.  It cannot be run.  What
    the page may not write is not saved."""
    file = graph_path(named, roots)
    for finding in read_design(text, file, roots)[1]:
        if finding.severity is Severity.ERROR and finding.rule in (OUTSIDE, PROGRAM):
            raise Refused(403, "outside", finding.reason, finding.remedy)
    save(file, text, before)
    if positions is not None:
        save_positions(file, positions)
    return _loaded(str(file).removeprefix("/"), roots)
