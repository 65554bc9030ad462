"""Whether a data object is there to be read, before anything is written."""

from __future__ import annotations

import os
import shutil

from flowbackup.errors import SourceError
from flowbackup.flow.hooks import hooks_at
from flowbackup.model.hook import When
from flowbackup.plan.decided import ObjectPlan, StreamPlan
from flowbackup.source.cutting import cutter_of
from flowbackup.source.own import own_source


def absence_of(plan: ObjectPlan) -> str:
    """Why the object cannot be read on this machine, "" where nothing speaks against it."""
    try:
        cutter_of(plan.chunking)
    except SourceError as error:
        return f'data object "{plan.name}": {error.message} ({error.remedy})'
    if plan.stream is None:
        # A hook before it may be what brings it there.
        return "" if hooks_at(plan.hooks, When.BEFORE) else _path_absence(plan)
    absence = _stream_absence(plan.stream)
    return f'data object "{plan.name}": {absence}' if absence else ""


def _stream_absence(stream: StreamPlan) -> str:
    if stream.source:
        try:
            return own_source(stream.source, dict(stream.options)).absence()
        except SourceError as error:
            return str(error)
    if stream.is_table and stream.given is None:
        return "is a table, which only a Python program can give that runs the graph"
    if not stream.command:
        return ""
    # Commands run in "/", whose meaning does not depend on who starts the session.
    program = stream.command[0]
    place = os.path.join("/", program) if "/" in program else program
    return "" if shutil.which(place) else f"there is no program {program}"


def _path_absence(plan: ObjectPlan) -> str:
    try:
        os.lstat(plan.path)
    except FileNotFoundError:
        return f'data object "{plan.name}": {plan.path} does not exist'
    except OSError as error:
        return f'data object "{plan.name}": {plan.path}: {error.strerror}'
    return ""
