"""What was measured, as rows, and the rows as a table that people read as text or as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

HEAD = ("what", "median", "spread", "runs", "target", "")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table.  values: one for each run.  target: at_least or at_most this, None where
    a figure is told for information only."""

    what: str
    unit: str
    values: tuple[float, ...]
    target: float | None = None
    at_most: bool = False

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def met(self) -> bool | None:
        """Whether the median is on the right side of the target; None without one."""
        if self.target is None:
            return None
        return self.median <= self.target if self.at_most else self.median >= self.target


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that were measured together.  notes: what a reader must know to believe them."""

    title: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


def figure(value: float, unit: str = "") -> str:
    """Three digits that mean something, and the unit behind them."""
    if value == int(value) and abs(value) < 1000:
        text = f"{value:.0f}"
    elif abs(value) >= 100:
        text = f"{value:,.0f}"
    else:
        text = f"{value:.2f}"
    return f"{text} {unit}".strip()


def cells(row: Row) -> tuple[str, ...]:
    """The row's texts, one for each of HEAD."""
    low, high = min(row.values), max(row.values)
    spread = "" if len(row.values) == 1 else f"{figure(low)} to {figure(high)}"
    target, verdict = "", ""
    if row.target is not None:
        target = f"{'<=' if row.at_most else '>='} {figure(row.target, row.unit)}"
        verdict = "met" if row.met else "MISSED"
    return (row.what, figure(row.median, row.unit), spread, str(len(row.values)), target, verdict)


def markdown(table: Table) -> str:
    """The table with its title and notes; aligned, so that it reads well as plain text too."""
    lines = [HEAD, *(cells(row) for row in table.rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    parts = [f"## {table.title}", ""]
    if table.rows:
        parts.append(_line(lines[0], widths))
        parts.append(_line(tuple("-" * width for width in widths), widths))
        parts += [_line(line, widths) for line in lines[1:]]
        parts.append("")
    parts += [f"* {note}" for note in table.notes]
    return "\n".join(parts).rstrip() + "\n"


def targets(tables: Sequence[Table]) -> Table:
    """All rows that have a target, of all tables, in one."""
    rows = tuple(row for table in tables for row in table.rows if row.target is not None)
    missed = sum(not row.met for row in rows)
    return Table("Targets", rows, (f"{len(rows) - missed} of {len(rows)} are met.",))


def pair_ratios(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, ...]:
    """How many times faster we were, in each round of an alternating run: seconds by seconds."""
    return tuple(other / own for own, other in zip(ours, theirs, strict=True))


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(t.ljust(w) for t, w in zip(texts, widths, strict=True)) + " |"
