"""Routes of the chain designer: all of them ask, none of them changes a file."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter

from flowbackup.spec.document import read_graph_text
from flowbackup.ui.design import design_of, diff_lines, edited_text, place_of
from flowbackup.ui.graph_files import graph_path
from flowbackup.ui.legality import legal_targets
from flowbackup.ui.refusal import Refused
from flowbackup.ui.roots import Roots
from flowbackup.ui.values.design import (
    CheckDesign,
    Design,
    DiffLine,
    DiffTexts,
    EditDesign,
    Legality,
    LegalTargets,
)


def design_routes(roots: Roots) -> APIRouter:
    """POST because a text does not fit into an address."""
    router = APIRouter()

    def path_of(named: str) -> Path | None:
        return graph_path(named, roots) if named else None

    @router.post("/api/design/check")
    def check_design(asked: CheckDesign) -> Design:
        return design_of(asked.text, path_of(asked.path), roots)

    @router.post("/api/design/edit")
    def edit_design(asked: EditDesign) -> Design:
        path = path_of(asked.path)
        return design_of(edited_text(asked.text, asked.spec, path, roots), path, roots)

    @router.post("/api/design/legal")
    def find_legal_targets(asked: LegalTargets) -> Legality:
        reading = read_graph_text(asked.text, place_of(path_of(asked.path), roots))
        if reading.document is None:
            raise Refused(422, "graph", "the text cannot be read", "repair the text first")
        return Legality(targets=legal_targets(reading.document, asked.source))

    @router.post("/api/design/diff")
    def diff_texts(asked: DiffTexts) -> list[DiffLine]:
        return diff_lines(asked.before, asked.after)

    return router
