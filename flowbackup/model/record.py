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
from flowbackup.model.chunking import Chunking
from flowbackup.model.forgotten import ForgottenRecord
from flowbackup.model.ids import FrameId, id_from_text, id_text
from flowbackup.model.json_values import NUMBER_MAX, plain_text, whole_number
from flowbackup.model.report import DeviceReport, Outcome, SessionReport
from flowbackup.model.retag import Retag
from flowbackup.model.session_end import SessionEnd
from flowbackup.monitor import Problem
from flowbackup.units import MIB, format_path

Json = dict[str, Any]

PROBLEMS_MAX = 1000
PROBLEM_BYTES_MAX = 256 * 1024
"""What of a session's problems its record holds: a source that nobody can read makes one for each
of its files, and the record lies on every medium of the session."""
RECORD_BYTES_MAX = 4 * MIB
"""No record is longer: the longest part is the text of a graph, 1 MiB, which JSON may treble.  The
objects of JSON take up to 25 times the room of their text."""


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """One version of a data object, complete enough to restore it from the medium alone.

    root: the chunk that lists the manifest pages.  files: entries that are regular files;
    bytes_source: size of the selected files; bytes_read: what was read of them; bytes_new: content
    bytes that this session sent.  outcome: success or incomplete (some entries have problems).
    chunking: how content was cut; None of versions that were made before it was told.
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
    chunking: Chunking | None = None

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
            | ({} if self.chunking is None else {"chunking": self.chunking.to_json()})
        )

    @classmethod
    def from_json(cls, value: Json) -> VersionRecord:
        """Raises KeyError, TypeError or ValueError for a record that is not one."""
        return cls(
            object_id=_id(value["object_id"]),
            session=_id(value["session"]),
            client=plain_text(value["client"]),
            name=plain_text(value["name"]),
            source=base64.b64decode(value["source"], validate=True),
            started_ns=whole_number(value["started_ns"]),
            finished_ns=whole_number(value["finished_ns"]),
            outcome=Outcome(value["outcome"]).value,
            entries=whole_number(value["entries"]),
            files=whole_number(value["files"]),
            bytes_source=whole_number(value["bytes_source"]),
            bytes_read=whole_number(value["bytes_read"]),
            bytes_new=whole_number(value["bytes_new"]),
            problems=whole_number(value["problems"]),
            root=_ref_from_json(value["root"]),
            chunking=Chunking.from_json(value["chunking"]) if "chunking" in value else None,
        )


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One session, as written at its end on every medium that took part.

    graph: the text of the graph file that ran; versions: tool -> version.  What the session had
    done until this record was made, which is before its segments were sealed and before hooks
    behind it have run: devices count neither the record nor the end of a segment.
    problems_left_out: those that are not in `problems`, because they were too many.  tags: what its
    user called its versions, for retention.  ends: what hooks made of earlier ones of the graph.
    retags: what versions of its objects were called since.
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
    tags: tuple[str, ...] = ()
    ends: tuple[SessionEnd, ...] = ()
    retags: tuple[Retag, ...] = ()

    @classmethod
    def of_report(
        cls, report: SessionReport, *, started_ns: int, finished_ns: int, host: str, graph: str,
        versions: dict[str, str], tags: tuple[str, ...] = (), ends: tuple[SessionEnd, ...] = (),
        retags: tuple[Retag, ...] = (),
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
            problems_left_out=len(report.problems) - len(problems), tags=tags, ends=ends,
            retags=retags,
        )  # fmt: skip

    def without_names(self) -> SessionRecord:
        """For media with what is encrypted, by a session that has no key: neither its graph nor its
        problems, which may name objects and files."""
        left_out = self.problems_left_out + len(self.problems)
        return replace(
            self, graph_name="", host="", graph="", problems=(), problems_left_out=left_out, ends=()
        )

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
            | ({"tags": list(self.tags)} if self.tags else {})
            | ({"ends": [end.to_json() for end in self.ends]} if self.ends else {})
            | ({"retags": [retag.to_json() for retag in self.retags]} if self.retags else {})
        )

    @classmethod
    def from_json(cls, value: Json) -> SessionRecord:
        """Raises KeyError, TypeError or ValueError for a record that is not one."""
        return cls(
            session=_id(value["session"]),
            kind=plain_text(value["kind"]),
            graph_name=plain_text(value["graph_name"]),
            started_ns=whole_number(value["started_ns"]),
            finished_ns=whole_number(value["finished_ns"]),
            outcome=Outcome(value["outcome"]).value,
            host=plain_text(value["host"]),
            graph=plain_text(value["graph"]),
            versions={plain_text(k): plain_text(v) for k, v in dict(value["versions"]).items()},
            exit_code=whole_number(value["exit_code"]),
            engine=plain_text(value["engine"]),
            duration_seconds=_seconds(value["duration_seconds"]),
            start_seconds=_seconds(value["start_seconds"]),
            files=whole_number(value["files"]),
            bytes_source=whole_number(value["bytes_source"]),
            bytes_read=whole_number(value["bytes_read"]),
            bytes_new=whole_number(value["bytes_new"]),
            devices=tuple(_device_from_json(item) for item in value["devices"]),
            problems=tuple(_problem_from_json(item) for item in value["problems"]),
            problems_left_out=whole_number(value["problems_left_out"]),
            tags=tuple(plain_text(tag) for tag in value.get("tags", ())),
            ends=tuple(SessionEnd.from_json(end) for end in value.get("ends", ())),
            retags=tuple(Retag.from_json(item) for item in value.get("retags", ())),
        )


def load_record(
    data: bytes | memoryview,
) -> VersionRecord | SessionRecord | ForgottenRecord | None:
    """The record in a catalog frame's payload; None for a kind that this version does not know.
    Raises ValueError for bytes that are no record at all."""
    if len(data) > RECORD_BYTES_MAX:
        raise ValueError(f"a catalog frame of {len(data)} bytes is over {RECORD_BYTES_MAX}")
    try:
        value = json.loads(bytes(data))
        kind = value["record"]
        if kind == "version":
            return VersionRecord.from_json(value)
        if kind == "forgotten":
            return ForgottenRecord.from_json(value)
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
        plain_text(value["kind"]),
        plain_text(value["text"]),
        None if path is None else base64.b64decode(path, validate=True),
        None if device is None else plain_text(device),
    )


def _device_from_json(value: Json) -> DeviceReport:
    return DeviceReport(
        name=plain_text(value["name"]),
        agent=plain_text(value["agent"]),
        role=plain_text(value["role"]),
        level=whole_number(value["level"]),
        node=plain_text(value["node"]),
        state=plain_text(value["state"]),
        bytes_written=whole_number(value["bytes_written"]),
        frames=whole_number(value["frames"]),
        syncs=whole_number(value["syncs"]),
        medium=_medium_text(value["medium"]),
        required=bool(value["required"]),
        streams=tuple(whole_number(stream) for stream in value["streams"]),
    )


def _medium_text(value: object) -> str:
    text = plain_text(value)
    return id_text(id_from_text(text)) if text else ""


def _seconds(value: object) -> float:
    if not isinstance(value, int | float) or not 0 <= value <= NUMBER_MAX:
        raise TypeError(f"{value!r} is no number of seconds")
    return float(value)


def _dump(value: Json) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _id(value: object) -> bytes:
    return id_from_text(plain_text(value))


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
        _id(value["session"]), whole_number(value["stream"]), whole_number(value["sequence"])
    )
    digest = bytes.fromhex(value["digest"])
    return ChunkRef(digest, whole_number(value["size"]), frame, whole_number(value["offset"]))
