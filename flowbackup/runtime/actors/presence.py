"""Whether a data object is there to be read, before anything is written."""

from __future__ import annotations

import os
import shutil

from flowbackup.errors import SourceError
from flowbackup.flow.hooks import hooks_at
from flowbackup.model.hook import When
from flowbackup.plan.decided import ObjectPlan
from flowbackup.source.cutting import cutter_of


def absence_of(plan: ObjectPlan) -> str:
    """Why the object cannot be read on this machine, "" where nothing speaks against it."""
    try:
        cutter_of(plan.chunking)
    except SourceError as error:
        return f'data object "{plan.name}": {error.message} ({error.remedy})'
    if plan.stream is None:
        # A hook before it may be what brings it there.
        return "" if hooks_at(plan.hooks, When.BEFORE) else _path_absence(plan)
    if not plan.stream.command:
        return ""
    # Commands run in "/", whose meaning does not depend on who starts the session.
    program = plan.stream.command[0]
    place = os.path.join("/", program) if "/" in program else program
    if shutil.which(place):
        return ""
    return f'data object "{plan.name}": there is no program {program}'


def _path_absence(plan: ObjectPlan) -> str:
    try:
        os.lstat(plan.path)
    except FileNotFoundError:
        return f'data object "{plan.name}": {plan.path} does not exist'
    except OSError as error:
        return f'data object "{plan.name}": {plan.path}: {error.strerror}'
    return ""
