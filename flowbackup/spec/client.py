"""A client of a graph that is made in Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from flowbackup.spec.ends import BuffersEnd, pinned_text
from flowbackup.spec.options import Options, values_of, written
from flowbackup.spec.tree import Value


class ClientBuilder:
    """A client of a graph under construction."""

    def __init__(
        self, name: str, said: dict[str, Value], tables: dict[str, object] | None = None
    ) -> None:
        """tables: where the tables are kept that objects were given, which no file holds."""
        self.name = name
        self._said = said
        self._tables = {} if tables is None else tables

    def object(
        self,
        name: str,
        *,
        path: str | PurePath | None = None,
        command: Sequence[str] | None = None,
        stdin: bool | None = None,
        source: str | None = None,
        options: Options | None = None,
        table: object = None,
        silence_max: int | str | None = None,
        group: str | None = None,
        buffers: str | BuffersEnd | None = None,
        exclude: Sequence[str] = (),
        ignore_files: bool | None = None,
        exclude_caches: bool | None = None,
        one_file_system: bool | None = None,
        exclude_larger_than: int | str | None = None,
        exclude_older_than: int | str | None = None,
        chunking: Options | None = None,
        hooks: Sequence[Options] = (),
        retention: Options | None = None,
    ) -> ClientBuilder:
        """Adds a data object, which has a path, a command, standard input, a source of a package or
        a table; returns the client, so that calls stand in a row.  table: an Arrow table, what has
        `__arrow_c_stream__`, or a Ray Dataset; it is read when the graph runs, and a file only says
        that there is one, as True does.  exclude: lines of gitignore's dialect.  chunking: as in
        {"kind": "fastcdc"}.  hooks: as in [{"when": "before", "run": ["sync"]}].  retention: as in
        {"last": 7, "weekly": 4}."""
        objects = self._said.setdefault("objects", {})
        assert isinstance(objects, dict)
        has_table = table is not None and table is not False
        self._tables.pop(f"{self.name}/{name}", None)
        if has_table and table is not True:
            self._tables[f"{self.name}/{name}"] = table
        objects[name] = written(
            path=None if path is None else str(path),
            command=None if command is None else list(command), stdin=stdin,
            source=source, options=values_of(options), table=True if has_table else None,
            silence_max=silence_max, group=group, buffers=pinned_text(buffers),
            exclude=list(exclude) or None,
            ignore_files=ignore_files, exclude_caches=exclude_caches,
            one_file_system=one_file_system, exclude_larger_than=exclude_larger_than,
            exclude_older_than=exclude_older_than,
            chunking=None if chunking is None else values_of(chunking),
            hooks=[values_of(hook) for hook in hooks] or None, retention=values_of(retention),
        )  # fmt: skip
        return self
