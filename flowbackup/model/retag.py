"""Tags that a version got, or lost, behind the session that made it."""

from __future__ import annotations

from typing import Any, NamedTuple

from flowbackup.model.ids import id_from_text, id_text
from flowbackup.model.json_values import plain_text, whole_number
from flowbackup.units import KIB

RETAGS_BYTES_MAX = 256 * KIB
"""So much of them stands in the record of a session, the newest ones: versions that are tagged are
few, and a record may have no more than some MiB."""


class Retag(NamedTuple):
    """tags: all that the version has from then on, instead of those of its session."""

    object_id: bytes
    tags: tuple[str, ...]
    changed_ns: int

    def to_json(self) -> dict[str, Any]:
        return {
            "object_id": id_text(self.object_id),
            "tags": list(self.tags),
            "changed_ns": self.changed_ns,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Retag:
        """Raises KeyError, TypeError or ValueError for what is none."""
        return cls(
            id_from_text(plain_text(value["object_id"])),
            tuple(plain_text(tag) for tag in value["tags"]),
            whole_number(value["changed_ns"]),
        )
