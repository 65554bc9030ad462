"""What a medium says about versions and sessions, written as JSON in catalog frames.

JSON because a person can read it in twenty years with any tool.  Unknown keys are kept out of the
way: a reader ignores what it does not know.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from typing import Any

from flowbackup.model.chunk import ChunkRef
from flowbackup.model.ids import FrameId, id_from_text, id_text
from flowbackup.model.report import DeviceReport, Outcome, SessionReport
from flowbackup.monitor import Problem
from flowbackup.units import format_path

Json = dict[str, Any]

PROBLEMS_MAX = 1000
PROBLEM_BYTES_MAX = 256 * 1024
"""What of a session's problems its record holds: a source that nobody can read makes one for each
of its files, and the record lies on every medium of the session."""
NUMBER_MAX = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """One version of a data object, complete enough to restore it from the medium alone.

    root: the chunk that lists the manifest pages.  files: entries that are regular files;
    bytes_source: size of the selected files; bytes_read: what was read of them; bytes_new: content
    bytes that this session sent.  outcome: success or incomplete (some entries have problems).
    """

    object_id: bytes
    session: bytes
    client: str
    name: str
    source: bytes
    started_ns: int
    finished_ns: int
    outcome: str
    entries: int
    files: int
    bytes_source: int
    bytes_read: int
    bytes_new: int
    problems: int
    root: ChunkRef

    def to_json(self) -> bytes:
        return _dump(
            {
                "record": "version",
                "object_id": id_text(self.object_id),
                "session": id_text(self.session),
                "client": self.client,
                "name": self.name,
                "source": base64.b64encode(self.source).decode(),
                "started_ns": self.started_ns,
                "finished_ns": self.finished_ns,
                "outcome": self.outcome,
                "entries": self.entries,
                "files": self.files,
                "bytes_source": self.bytes_source,
                "bytes_read": self.bytes_read,
                "bytes_new": self.bytes_new,
                "problems": self.problems,
                "root": _ref_to_json(self.root),
            }
        )

    @classmethod
    def from_json(cls, value: Json) -> VersionRecord:
        """Raises KeyError, TypeError or ValueError for a record that is not one."""
        return cls(
            object_id=id_from_text(value["object_id"]),
            session=id_from_text(value["session"]),
            client=_text(value["client"]),
            name=_text(value["name"]),
            source=base64.b64decode(value["source"], validate=True),
            started_ns=_number(value["started_ns"]),
            finished_ns=_number(value["finished_ns"]),
            outcome=Outcome(value["outcome"]).value,
            entries=_number(value["entries"]),
            files=_number(value["files"]),
            bytes_source=_number(value["bytes_source"]),
            bytes_read=_number(value["bytes_read"]),
            bytes_new=_number(value["bytes_new"]),
            problems=_number(value["problems"]),
            root=_ref_from_json(value["root"]),
        )


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One session, as written at its end on every medium that took part.

    graph: the text of the graph file that ran; versions: tool -> version.  What the session had
    done until this record was made, which is before its segments were sealed: devices count
    neither the record nor the end of a segment.  problems_left_out: those that are not in
    `problems`, because they were too many.
    """

    session: bytes
    kind: str
    graph_name: str
    started_ns: int
    finished_ns: int
    outcome: str
    host: str
    graph: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    exit_code: int = 0
    engine: str = ""
    duration_seconds: float = 0.0
    start_seconds: float = 0.0
    files: int = 0
    bytes_source: int = 0
    bytes_read: int = 0
    bytes_new: int = 0
    devices: tuple[DeviceReport, ...] = ()
    problems: tuple[Problem, ...] = ()
    problems_left_out: int = 0

    @classmethod
    def of_report(
        cls, report: SessionReport, *, started_ns: int, finished_ns: int, host: str, graph: str,
        versions: dict[str, str],
    ) -> SessionRecord:  # fmt: skip
        """What a medium keeps of a report; its objects have records of their own."""
        problems = tuple(_told(report.problems))
        return cls(
            session=id_from_text(report.session), kind=report.kind, graph_name=report.graph,
            started_ns=started_ns, finished_ns=finished_ns, outcome=report.outcome.value,
            host=host, graph=graph, versions=versions, exit_code=report.exit_code,
            engine=report.engine, duration_seconds=report.duration_seconds,
            start_seconds=report.start_seconds, files=report.files,
            bytes_source=report.bytes_source, bytes_read=report.bytes_read,
            bytes_new=report.bytes_new, devices=report.devices, problems=problems,
            problems_left_out=len(report.problems) - len(problems),
        )  # fmt: skip

    def to_json(self) -> bytes:
        return _dump(
            {
                "record": "session",
                "session": id_text(self.session),
                "kind": self.kind,
                "graph_name": self.graph_name,
                "started_ns": self.started_ns,
                "finished_ns": self.finished_ns,
                "outcome": self.outcome,
                "host": self.host,
                "graph": self.graph,
                "versions": self.versions,
                "exit_code": self.exit_code,
                "engine": self.engine,
                "duration_seconds": self.duration_seconds,
                "start_seconds": self.start_seconds,
                "files": self.files,
                "bytes_source": self.bytes_source,
                "bytes_read": self.bytes_read,
                "bytes_new": self.bytes_new,
                "devices": [asdict(device) for device in self.devices],
                "problems": [_problem_to_json(problem) for problem in self.problems],
                "problems_left_out": self.problems_left_out,
            }
        )

    @classmethod
    def from_json(cls, value: Json) -> SessionRecord:
        """Raises KeyError, TypeError or ValueError for a record that is not one."""
        return cls(
            session=id_from_text(value["session"]),
            kind=_text(value["kind"]),
            graph_name=_text(value["graph_name"]),
            started_ns=_number(value["started_ns"]),
            finished_ns=_number(value["finished_ns"]),
            outcome=Outcome(value["outcome"]).value,
            host=_text(value["host"]),
            graph=_text(value["graph"]),
            versions={_text(k): _text(v) for k, v in dict(value["versions"]).items()},
            exit_code=_number(value["exit_code"]),
            engine=_text(value["engine"]),
            duration_seconds=_seconds(value["duration_seconds"]),
            start_seconds=_seconds(value["start_seconds"]),
            files=_number(value["files"]),
            bytes_source=_number(value["bytes_source"]),
            bytes_read=_number(value["bytes_read"]),
            bytes_new=_number(value["bytes_new"]),
            devices=tuple(_device_from_json(item) for item in value["devices"]),
            problems=tuple(_problem_from_json(item) for item in value["problems"]),
            problems_left_out=_number(value["problems_left_out"]),
        )


def load_record(data: bytes | memoryview) -> VersionRecord | SessionRecord | None:
    """The record in a catalog frame's payload; None for a kind that this version does not know.
    Raises ValueError for bytes that are no record at all."""
    try:
        value = json.loads(bytes(data))
        kind = value["record"]
        if kind == "version":
            return VersionRecord.from_json(value)
        return SessionRecord.from_json(value) if kind == "session" else None
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ValueError(f"a catalog frame holds no readable record: {error}") from error


def _told(problems: Iterable[Problem]) -> Iterator[Problem]:
    """The first problems, as many as a record may hold, with texts that UTF-8 can spell."""
    room = PROBLEM_BYTES_MAX
    for problem in islice(problems, PROBLEMS_MAX):
        text = format_path(os.fsencode(problem.text))
        room -= len(text) + len(problem.path or b"")
        if room < 0:
            return
        yield replace(problem, text=text)


def _problem_to_json(problem: Problem) -> Json:
    value: Json = {"kind": problem.kind, "text": problem.text}
    if problem.path is not None:
        value["path"] = base64.b64encode(problem.path).decode()
    if problem.device is not None:
        value["device"] = problem.device
    return value


def _problem_from_json(value: Json) -> Problem:
    path, device = value.get("path"), value.get("device")
    return Problem(
        _text(value["kind"]),
        _text(value["text"]),
        None if path is None else base64.b64decode(path, validate=True),
        None if device is None else _text(device),
    )


def _device_from_json(value: Json) -> DeviceReport:
    return DeviceReport(
        name=_text(value["name"]),
        agent=_text(value["agent"]),
        role=_text(value["role"]),
        level=_number(value["level"]),
        node=_text(value["node"]),
        state=_text(value["state"]),
        bytes_written=_number(value["bytes_written"]),
        frames=_number(value["frames"]),
        syncs=_number(value["syncs"]),
        medium=_medium_text(value["medium"]),
        required=bool(value["required"]),
        streams=tuple(_number(stream) for stream in value["streams"]),
    )


def _medium_text(value: object) -> str:
    text = _text(value)
    return id_text(id_from_text(text)) if text else ""


def _text(value: object) -> str:
    """Text that every encoding of ours can spell: JSON may hold halves of surrogate pairs."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    value.encode()
    return value


def _number(value: object) -> int:
    """A whole number that fits 63 bits."""
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > NUMBER_MAX:
        raise TypeError(f"{value!r} is no number of 63 bits")
    return value


def _seconds(value: object) -> float:
    if not isinstance(value, int | float) or not 0 <= value <= NUMBER_MAX:
        raise TypeError(f"{value!r} is no number of seconds")
    return float(value)


def _dump(value: Json) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _ref_to_json(ref: ChunkRef) -> Json:
    return {
        "digest": ref.digest.hex(),
        "size": ref.size,
        "session": id_text(ref.frame.session),
        "stream": ref.frame.stream,
        "sequence": ref.frame.sequence,
        "offset": ref.offset,
    }


def _ref_from_json(value: Json) -> ChunkRef:
    frame = FrameId(
        id_from_text(value["session"]), _number(value["stream"]), _number(value["sequence"])
    )
    digest = bytes.fromhex(value["digest"])
    return ChunkRef(digest, _number(value["size"]), frame, _number(value["offset"]))
