"""A command that Ray runs as a job: it joins the cluster of the job, and its session is named as
the job is."""

from __future__ import annotations

import json
import os
from pathlib import Path

from flowbackup.catalog.catalog import open_catalog
from flowbackup.errors import FlowbackupError, NotFoundError, UsageError
from flowbackup.model.ids import id_from_text, id_text, new_id

VARIABLE = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""Where Ray tells its driver about the job."""
SUBMISSION = "job_submission_id"
UUID_VERSION = 7


def in_job() -> bool:
    return VARIABLE in os.environ


def submission() -> bytes | None:
    """The id of the job, if that is one that a session can have."""
    try:
        metadata = json.loads(os.environ.get(VARIABLE, "{}"))["metadata"]
        found = id_from_text(metadata[SUBMISSION])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return found if found[6] >> 4 == UUID_VERSION else None


def session_id(catalog: Path) -> bytes:
    """For the session that a command is about to run: that of its job, where no session has it
    yet, else a new one."""
    found = submission()
    return new_id() if found is None or _is_known(found, catalog) else found


def _is_known(session: bytes, catalog: Path) -> bool:
    if not catalog.exists():
        return False
    try:
        with open_catalog(catalog, create=False) as opened:
            opened.session(id_text(session))
    except (NotFoundError, UsageError):
        return False
    except FlowbackupError:
        return True  # It will be told when the session begins.
    return True
