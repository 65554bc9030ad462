"""A finding: one fault or doubt about a graph, with its place, its reason and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from flowbackup.errors import GraphError
from flowbackup.units import counted

MADE_PATH = "<made>"
"""The path of a graph that a program made: its lines were never written by anybody."""


class Severity(StrEnum):
    """An error stops the graph, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """place: "file:line:column".  rule: a stable word.  reason: what is wrong, without a full
    stop.  remedy: one or two whole sentences that say what to write instead."""

    severity: Severity
    place: str
    rule: str
    reason: str
    remedy: str = ""

    def __str__(self) -> str:
        mark = "warning: " if self.severity is Severity.WARNING else ""
        place = "" if self.place.startswith(MADE_PATH) else f"{self.place} "
        return f"{place}{mark}{self.reason}.{' ' if self.remedy else ''}{self.remedy}"


def error(place: str, rule: str, reason: str, remedy: str = "") -> Finding:
    return Finding(Severity.ERROR, place, rule, reason, remedy)


def warning(place: str, rule: str, reason: str, remedy: str = "") -> Finding:
    return Finding(Severity.WARNING, place, rule, reason, remedy)


def graph_error(path: str, findings: Iterable[Finding]) -> GraphError:
    """The error that carries all findings of a graph file, in the order of their places."""
    ordered = in_file_order(findings)
    errors = sum(finding.severity is Severity.ERROR for finding in ordered)
    count = counted(errors, "fault")
    made = "this makes no valid graph" if path == MADE_PATH else f"{path} is no valid graph"
    return GraphError(f"{made}: {count}", findings=tuple(str(finding) for finding in ordered))


def in_file_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings sorted by line and column; equal ones once."""
    return tuple(sorted(dict.fromkeys(findings), key=_position))


def _position(finding: Finding) -> tuple[int, int]:
    _, line, column = finding.place.rsplit(":", 2)
    return int(line), int(column)


class Suggester:
    """Finds the name that was probably meant.  Comparing is slow, so that a file with thousands
    of wrong names gets suggestions for the first ones only."""

    def __init__(self, budget: int = 50) -> None:
        self._budget = budget

    def remedy(self, wrong: str, names: Iterable[str], otherwise: str) -> str:
        """'Did you mean "primary"?', or `otherwise` when nothing is near."""
        if self._budget <= 0:
            return otherwise
        self._budget -= 1
        folded = {name.casefold(): name for name in names}
        near = difflib.get_close_matches(wrong.casefold(), folded, n=1, cutoff=0.6)
        return f'Did you mean "{folded[near[0]]}"?' if near else otherwise


def listed(names: Iterable[str], most: int = 6) -> str:
    """'"a", "b" and "c"', cut after `most` names."""
    every = list(names)
    quoted = [f'"{name}"' for name in every[:most]]
    if len(every) > most:
        return ", ".join(quoted) + f" and {len(every) - most} more"
    return (
        " and ".join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else "".join(quoted)
    )
