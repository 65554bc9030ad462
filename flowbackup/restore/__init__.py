"""PUTTING BACK: entries and verified chunks become files again.

`port` where frames come from; `settings` what is asked and what came of it; `selection` which
entries are meant, and under which names; `tree` the walk over them; `directories` the way from the
target down, by descriptors; `nodes` one name at a time; `content` verified chunks of an entry;
`metadata` owners, modes, times, attributes; `links` further names of a file; `publish` temporary
names and how a file gets its own; `large` files that go past the page cache; `sync` what makes it
all durable; `second` a process that makes small files while this one makes others;
`tar` the same as an archive.
For drills: `sampling` a part of a version, `live` what was restored beside its source, `removal`.
"""

from __future__ import annotations

from flowbackup.restore.content import write_content
from flowbackup.restore.port import FrameSource
from flowbackup.restore.settings import Overwrite, RestoreSettings, RestoreStatistics
from flowbackup.restore.tree import restore_tree

__all__ = [
    "FrameSource",
    "Overwrite",
    "RestoreSettings",
    "RestoreStatistics",
    "restore_tree",
    "write_content",
]
