"""What a text of the designer says, and the text that says what the canvas shows.

The text is the one model: the canvas and the forms show the spec that was read from it, and what
they change goes through `edited_text`, which keeps comments and order.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, cast

from flowbackup.plan.bottleneck import rate_of
from flowbackup.plan.decided import Plan
from flowbackup.plan.making import check_reading, make_plan
from flowbackup.spec.document import GraphDocument, Reading, read_graph_text
from flowbackup.spec.dump import edit_text, spec_values
from flowbackup.spec.editing import common_ends
from flowbackup.spec.finding import Finding, Severity, in_file_order
from flowbackup.spec.tree import Keys, Value
from flowbackup.ui.bounds import OUTSIDE, PROGRAM, bounds_findings
from flowbackup.ui.graph_files import read_text
from flowbackup.ui.pictures import design_picture
from flowbackup.ui.refusal import Refused
from flowbackup.ui.roots import Roots
from flowbackup.ui.values.design import Design, DiffLine, FindingRow, NodeMemory

NEW_NAME = "new graph.yaml"
"""What a text without a file is called, below the first root."""
DIFF_LINES_MAX = 2_000
"""The time grows with their square; more are shown as taken away and added."""
BOUNDS = frozenset({OUTSIDE, PROGRAM})


def place_of(path: Path | None, roots: Roots) -> str:
    """To what relative paths of a graph refer."""
    return str(path or roots.folders[0] / NEW_NAME)


def read_design(text: str, path: Path | None, roots: Roots) -> tuple[Reading, tuple[Finding, ...]]:
    """What was read, and every finding: of form, of meaning, and of what the page may write."""
    reading = read_graph_text(text, place_of(path, roots))
    findings = check_reading(reading)
    if reading.document is not None:
        beyond = bounds_findings(reading.document, standing(path), roots)
        findings = in_file_order((*findings, *beyond))
    return reading, findings


def standing(path: Path | None) -> GraphDocument | None:
    """What stands in a file now, as far as it can be read."""
    if path is None or not path.is_file():
        return None
    return read_graph_text(read_text(path), str(path)).document


def design_of(text: str, path: Path | None, roots: Roots) -> Design:
    """Everything that the designer shows of a text."""
    reading, findings = read_design(text, path, roots)
    plan = _plan(reading, findings)
    document = reading.document
    return Design(
        text=text,
        spec=None if document is None else spec_values(document.spec),
        findings=finding_rows(findings, document),
        picture=None if plan is None else design_picture(plan),
        memory=[] if plan is None else [
            NodeMemory(node=node, bytes=size) for node, size in plan.memory_bytes
        ],
        bottleneck="" if plan is None else plan.bottleneck,
        rate=None if plan is None else rate_of(plan.agents, plan.edges, plan.objects),
    )  # fmt: skip


def _plan(reading: Reading, findings: Iterable[Finding]) -> Plan | None:
    """Also of a graph that reaches outside: what may not be written can be drawn all the same."""
    is_sound = reading.document is not None and not reading.findings
    if not is_sound or any(_stops(finding) for finding in findings):
        return None
    assert reading.document is not None
    return make_plan(reading.document)


def _stops(finding: Finding) -> bool:
    return finding.severity is Severity.ERROR and finding.rule not in BOUNDS


def edited_text(text: str, values: Mapping[str, object], path: Path | None, roots: Roots) -> str:
    """The text changed so that it says these values of a spec; comments and order stay.  Raises
    Refused where the text cannot be read."""
    reading = read_graph_text(text, place_of(path, roots))
    if reading.document is None:
        raise Refused(
            422, "graph", "the text cannot be read, so that nothing can be changed in it",
            "repair the text first",
        )  # fmt: skip
    return edit_text(reading.document, cast(Mapping[str, Value], values))


def finding_rows(findings: Iterable[Finding], document: GraphDocument | None) -> list[FindingRow]:
    """In their order."""
    keys = _keys_at(document)
    rows = []
    for finding in findings:
        _, line, column = finding.place.rsplit(":", 2)
        at = int(line), int(column)
        rows.append(
            FindingRow(
                severity=finding.severity.value, place=f"{line}:{column}", line=at[0],
                column=at[1], keys=list(keys.get(at, ())), rule=finding.rule,
                reason=finding.reason, remedy=finding.remedy,
            )
        )  # fmt: skip
    return rows


def _keys_at(document: GraphDocument | None) -> dict[tuple[int, int], Keys]:
    """Place -> the outermost thing that begins there."""
    found: dict[tuple[int, int], Keys] = {}
    for keys, at in document.places.items() if document else ():
        if at not in found or len(keys) < len(found[at]):
            found[at] = keys
    return found


def diff_lines(before: str, after: str) -> list[DiffLine]:
    """Line by line, all of them."""
    old, new = before.splitlines(), after.splitlines()
    first, last = common_ends(old, new)
    changed = _changed(old[first : len(old) - last], new[first : len(new) - last])
    return [*_lines("same", old[:first]), *changed, *_lines("same", old[len(old) - last :])]


def _changed(old: list[str], new: list[str]) -> list[DiffLine]:
    """Of what lies between the first difference and the last."""
    if len(old) + len(new) > DIFF_LINES_MAX:
        return [*_lines("del", old), *_lines("add", new)]
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    lines: list[DiffLine] = []
    for verb, first, last, new_first, new_last in matcher.get_opcodes():
        if verb == "equal":
            lines += _lines("same", old[first:last])
            continue
        lines += [*_lines("del", old[first:last]), *_lines("add", new[new_first:new_last])]
    return lines


def _lines(kind: Literal["same", "add", "del"], texts: Iterable[str]) -> list[DiffLine]:
    return [DiffLine(kind=kind, text=text) for text in texts]
