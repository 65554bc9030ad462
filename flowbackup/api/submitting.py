"""The part of the api that has a cluster run a graph: by Ray's job server, on its head."""

from __future__ import annotations

import json
import shlex
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowbackup.errors import EXIT_FAILED, EXIT_INTERRUPTED, InterruptedSessionError
from flowbackup.model.ids import id_text, new_id
from flowbackup.runtime.signals import cancelled_by_signals

STOPPED = "STOPPED"

Hear = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class SubmitRequest:
    """address: of the job server, as http://head:8265.  program: flowbackup, as the head finds it.
    options: of its `run`."""

    address: str
    program: str = "flowbackup"
    options: tuple[str, ...] = ()


def submit(graph: Path, request: SubmitRequest) -> str:
    """Has the graph run by the head of a cluster, and returns the id of the session, which is that
    of the job.  Raises UsageError, PeerLostError."""
    from flowbackup.runtime.engines.ray_jobs import JobServer

    session = id_text(new_id())
    words = (request.program, "run", graph.name, "--json", *request.options)
    with tempfile.TemporaryDirectory(prefix="flowbackup-") as folder:
        shutil.copyfile(graph, Path(folder) / graph.name)
        JobServer(request.address).submit(session, shlex.join(words), Path(folder))
    return session


def stop_job(session: str, address: str) -> None:
    """Ends the session of a job in order, as a signal does.  session: the whole id."""
    from flowbackup.runtime.engines.ray_jobs import JobServer

    JobServer(address).stop(session)


def wait_for_job(session: str, address: str, hear: Hear) -> int:
    """Follows a job to its end and returns the exit code of its session.  hear: gets each object
    that `--json` writes there; other lines as a `message`.  A first signal ends the session in
    order; a second one raises InterruptedSessionError, and the job ends by itself."""
    from flowbackup.runtime.engines.ray_jobs import JobServer

    server, ends = JobServer(address), _Ends(hear)
    is_stopped = False
    with cancelled_by_signals() as cancel:

        def look() -> None:
            nonlocal is_stopped
            if cancel.is_now:
                raise InterruptedSessionError(
                    f"left job {session}, which is ending", remedy=f"`ray job logs {session}`"
                )
            if cancel.is_told and not is_stopped:
                is_stopped = True
                server.stop(session)

        end = server.follow(session, ends.hear, look)
    return ends.exit_code(end.state, end.exit_code, end.text)


class _Ends:
    """What was heard last says how it ended."""

    def __init__(self, hear: Hear) -> None:
        self._hear = hear
        self._exit_code: int | None = None

    def hear(self, line: str) -> None:
        fields = _fields(line)
        if fields["type"] in ("summary", "error"):
            self._exit_code = int(fields["exit_code"])
        self._hear(fields)

    def exit_code(self, state: str, of_driver: int | None, text: str) -> int:
        """of_driver: Ray's word, which counts where the session said nothing."""
        if self._exit_code is not None and of_driver in (None, self._exit_code):
            return self._exit_code
        code = of_driver
        if code is None:
            code = EXIT_INTERRUPTED if state == STOPPED else EXIT_FAILED
        told = text.strip() or f"the job is {state}"
        error = {"type": "error", "kind": "JobFailed", "exit_code": code, "text": told}
        self._hear({**error, "remedy": "`ray job logs` has what it wrote", "findings": []})
        return code


def _fields(line: str) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except ValueError:
        fields = None
    if isinstance(fields, dict) and isinstance(fields.get("type"), str):
        return fields
    return {"type": "message", "text": line}
