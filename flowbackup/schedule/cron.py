"""A line of cron between two marks, in the table of a user or in a file of the system's."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from flowbackup.schedule.task import Task, mark

END = "# end of it"


def lines(task: Task, user: str = "") -> str:
    """user: who runs it, where the table has a column for that."""
    words = shlex.join(task.words)
    if task.passphrase:
        words = f"FLOWBACKUP_PASSPHRASE_FILE={shlex.quote(task.passphrase)} {words}"
    # In a table a percent sign ends the line, whatever quotes are around it.
    command = words.replace("%", "\\%")
    columns = (task.calendar.cron, user, command)
    line = " ".join(column for column in columns if column)
    return "\n".join((*task.marks, line, END)) + "\n"


def without(table: str, graph: str) -> str:
    """A user's table without what flowbackup has put there for this graph; everything else stays as
    it is."""
    return "".join(_kept(table.splitlines(keepends=True), mark(graph)))


def _kept(rows: Iterable[str], begin: str) -> Iterable[str]:
    is_ours = False
    for row in rows:
        is_ours = is_ours or row.rstrip("\n") == begin
        if not is_ours:
            yield row
        elif row.rstrip("\n") == END:
            is_ours = False


def has(table: str, graph: str) -> bool:
    return mark(graph) in table.splitlines()
