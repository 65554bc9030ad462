"""Hooks and notices of a plan, as rows for programs and as tables for people."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from flowbackup.cli.columns import table
from flowbackup.cli.names import one_line
from flowbackup.model.hook import Hook, Notice
from flowbackup.plan.decided import Plan
from flowbackup.units import format_seconds

COMMAND_SHOWN = 40
"""Characters of a command in a table."""


def hook_fields(hooks: Iterable[Hook]) -> list[dict[str, object]]:
    """The published keys of hooks."""
    return [
        {
            "when": hook.when.value,
            "command": list(hook.words),
            "on_error": "fail" if hook.fails else "ignore",
            "background": hook.in_background,
            "timeout_seconds": hook.seconds_max,
        }
        for hook in hooks
    ]


def notice_fields(notices: Iterable[Notice]) -> list[dict[str, object]]:
    """The published keys of notices, without the addresses: they may be secret."""
    return [
        {"to": notice.place, "style": notice.style, "when": list(notice.events)}
        for notice in notices
    ]


def hook_tables(plan: Plan) -> list[str]:
    """What is done around the session and its objects, and who is told."""
    around = [("session", hook) for hook in plan.hooks]
    around += [(f"{o.client}/{o.name}", hook) for o in plan.objects for hook in o.hooks]
    hooks = [
        (
            name,
            f"{hook.when}{' (background)' if hook.in_background else ''}",
            _command_text(hook),
            "fail" if hook.fails else "ignore",
            format_seconds(hook.seconds_max),
        )
        for name, hook in around
    ]
    notices = [(item.place, item.style, ", ".join(item.events)) for item in plan.notices]
    tables = [table(("hook of", "when", "command", "on error", ">timeout"), hooks)] if hooks else []
    return tables + ([table(("notice to", "style", "when"), notices)] if notices else [])


def _command_text(hook: Hook) -> str:
    """Its words as far as they fit a table."""
    text = one_line(shlex.join(hook.words))
    return text if len(text) <= COMMAND_SHOWN else f"{text[: COMMAND_SHOWN - 3]}..."
