"""What is done around sessions and objects, as it was written."""

from __future__ import annotations

from collections.abc import Iterable

from flowbackup.model.hook import Hook, Notice, When
from flowbackup.plan.context import absolute_path
from flowbackup.spec.document import GraphDocument
from flowbackup.spec.hooks import HookSpec


def planned_hooks(written: Iterable[HookSpec]) -> tuple[Hook, ...]:
    """Those of a graph or of an object."""
    return tuple(
        Hook(number, When(item.when), item.words, item.fails, item.background, item.timeout)
        for number, item in enumerate(written, 1)
    )


def planned_notices(document: GraphDocument) -> tuple[Notice, ...]:
    """Those of a graph; a file is relative to that of the graph."""
    return tuple(
        Notice(
            number=number,
            url=item.url or "",
            variable=item.url_env or "",
            file=absolute_path(document, item.url_file) if item.url_file else "",
            style=item.style,
            events=item.when,
        )
        for number, item in enumerate(document.spec.notices, 1)
    )
