"""A graph written in Python: the same words as in the file, and the same checks.

g = GraphBuilder("nightly")
site = g.client("web").object("site", path="/srv/www")
primary = g.backup_group("primary", devices=["/mnt/nas"], buffers=8)
offsite = primary.mirror("offsite", devices=["/mnt/usb"], on_failure="optional")
g.spec()
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from pydantic import ValidationError

from flowbackup.spec.faults import form_findings
from flowbackup.spec.fields import OnFailure, WhenSlow
from flowbackup.spec.finding import graph_error
from flowbackup.spec.models import GraphSpec
from flowbackup.spec.names import safe_name
from flowbackup.spec.tree import Key, Tree, Value

Section = dict[str, dict[str, Value]]
Options = Mapping[str, Value | Sequence[str]]
"""Keys and values as in the file."""


class GraphBuilder:
    """Collects what was asked for; `spec()` checks its form.  Devices are names of declared
    devices, or paths, which declare a device named after their last part."""

    def __init__(
        self,
        graph: str,
        *,
        frame_size: int | str | None = None,
        sync_size: int | str | None = None,
        sync_seconds: float | None = None,
        compression: str | Mapping[str, int] | None = None,
        key: str | PurePath | None = None,
        copies: int | None = None,
        catalog: str | None = None,
        transport: str | None = None,
        engine: str | None = None,
        retention: Options | None = None,
    ) -> None:
        self._head = _written(
            graph=graph, frame_size=frame_size, sync_size=sync_size, sync_seconds=sync_seconds,
            compression=dict(compression) if isinstance(compression, Mapping) else compression,
            encryption={"key": os.fspath(key)} if key else None,
            copies=copies, catalog=catalog, transport=transport, engine=engine,
            retention=_values(retention),
        )  # fmt: skip
        self._nodes: Section = {}
        self._clients: Section = {}
        self._devices: Section = {}
        self._backup_groups: Section = {}
        self._mirror_groups: Section = {}
        self._restore_groups: Section = {}
        self._copy_groups: Section = {}
        self._couplings: list[Value] = []
        self._hooks: list[Value] = []
        self._notices: list[Value] = []

    def node(self, name: str, *, labels: Mapping[str, str] | None = None) -> str:
        """Declares a machine besides "here"; returns its name."""
        self._nodes[name] = _written(labels=dict(labels) if labels else None)
        return name

    def client(self, name: str, *, node: str | None = None) -> ClientBuilder:
        """A machine with primary storage; asking again for a name gives the same client."""
        written = self._clients.setdefault(name, {"objects": {}})
        written.update(_written(node=node))
        return ClientBuilder(name, written)

    def device(
        self,
        name: str,
        *,
        path: str | PurePath | None = None,
        kind: str | None = None,
        node: str | None = None,
        block_size: int | str | None = None,
        rate_limit: int | str | None = None,
        media_size: int | str | None = None,
        staging: Options | None = None,
    ) -> str:
        """Declares a device; returns its name.  staging: as in {"copies": 2, "keep": "7d"}."""
        self._devices[name] = _written(
            path=None if path is None else str(path), kind=kind, node=node,
            block_size=block_size, rate_limit=rate_limit, media_size=media_size,
            staging=_values(staging),
        )  # fmt: skip
        return name

    def backup_group(
        self,
        name: str,
        *,
        devices: Sequence[str | PurePath],
        buffers: int | None = None,
        min: int | None = None,  # noqa: A002  the keyword is the YAML key
        max: int | None = None,  # noqa: A002
        reserve: Sequence[str | PurePath] = (),
        assign: str | None = None,
        rate_limit: int | str | None = None,
        rate_windows: Options | None = None,
    ) -> GroupBuilder:
        """Level 0: what clients feed."""
        self._backup_groups[name] = _written(
            devices=self._names(devices), buffers=buffers, min=min, max=max,
            reserve=self._names(reserve) or None, assign=assign, rate_limit=rate_limit,
            rate_windows=_values(rate_windows),
        )  # fmt: skip
        return GroupBuilder(self, name)

    def mirror_group(
        self,
        name: str,
        *,
        devices: Sequence[str | PurePath],
        mirrors: str | None = None,
        buffers: int | None = None,
        level: int | None = None,
        min: int | None = None,  # noqa: A002  the keyword is the YAML key
        max: int | None = None,  # noqa: A002
        reserve: Sequence[str | PurePath] = (),
        on_failure: OnFailure | None = None,
        when_slow: WhenSlow | None = None,
        lag_max: int | str | None = None,
        rate_limit: int | str | None = None,
        rate_windows: Options | None = None,
    ) -> GroupBuilder:
        """Level 1 and up: what other agents feed."""
        self._mirror_groups[name] = _written(
            mirrors=mirrors, devices=self._names(devices), buffers=buffers, level=level, min=min,
            max=max, reserve=self._names(reserve) or None, on_failure=on_failure,
            when_slow=when_slow, lag_max=lag_max, rate_limit=rate_limit,
            rate_windows=_values(rate_windows),
        )  # fmt: skip
        return GroupBuilder(self, name)

    def restore_group(
        self, name: str, *, devices: Sequence[str | PurePath], buffers: int | None = None
    ) -> RestoreGroupBuilder:
        """What reads devices, to copy them."""
        self._restore_groups[name] = _written(devices=self._names(devices), buffers=buffers)
        return RestoreGroupBuilder(self, name)

    def copy_group(
        self,
        name: str,
        *,
        devices: Sequence[str | PurePath],
        copies: str | None = None,
        buffers: int | None = None,
        min: int | None = None,  # noqa: A002  the keyword is the YAML key
        max: int | None = None,  # noqa: A002
        reserve: Sequence[str | PurePath] = (),
        assign: str | None = None,
        after: str | None = None,
        select: Options | None = None,
        on_failure: OnFailure | None = None,
        rate_limit: int | str | None = None,
        rate_windows: Options | None = None,
    ) -> GroupBuilder:
        """What writes copies.  select: as in {"objects": ["web/*"], "below": 2}."""
        self._copy_groups[name] = _written(
            copies=copies, devices=self._names(devices), buffers=buffers, min=min, max=max,
            reserve=self._names(reserve) or None, assign=assign, after=after,
            select=_values(select), on_failure=on_failure, rate_limit=rate_limit,
            rate_windows=_values(rate_windows),
        )  # fmt: skip
        return GroupBuilder(self, name)

    def hook(self, when: str, *, run: Sequence[str] | None = None, **options: Value) -> None:
        """A command around a session, as in hook("before", run=["mount", "/mnt/usb"]).  options:
        the other keys of one in a file."""
        self._hooks.append(_written(when=when, run=None if run is None else list(run), **options))

    def notice(self, *, when: Sequence[str] | None = None, **options: Value) -> None:
        """Whom to tell of a session, as in notice(url_env="NOTICE_URL", when=["failed"])."""
        self._notices.append(_written(when=None if when is None else list(when), **options))

    def couple(
        self,
        source: str,
        target: str,
        *,
        on_failure: OnFailure | None = None,
        when_slow: WhenSlow | None = None,
        lag_max: int | str | None = None,
        rate_limit: int | str | None = None,
        rate_windows: Options | None = None,
    ) -> None:
        """An explicit edge, as in couple("primary.nas[0:4]", "offsite.usb[0:4]")."""
        options = _written(
            on_failure=on_failure, when_slow=when_slow, lag_max=lag_max, rate_limit=rate_limit,
            rate_windows=_values(rate_windows),
        )  # fmt: skip
        self._couplings.append({"from": source, "to": target, **options})

    def spec(self) -> GraphSpec:
        """The written graph.  Raises GraphError with all faults of form."""
        values: dict[str, Value] = {
            **self._head, "nodes": dict(self._nodes), "clients": dict(self._clients),
            "devices": dict(self._devices), "backup_groups": dict(self._backup_groups),
            "mirror_groups": dict(self._mirror_groups),
            "restore_groups": dict(self._restore_groups), "copy_groups": dict(self._copy_groups),
            "couplings": list(self._couplings), "hooks": list(self._hooks),
            "notices": list(self._notices),
        }  # fmt: skip
        try:
            return GraphSpec.model_validate(values)
        except ValidationError as failure:
            path = f"<{self._head['graph']}>"
            tree = Tree(path, values)
            _note_places(tree, values, ())
            raise graph_error(path, form_findings(failure, tree)) from None

    def _names(self, devices: Sequence[str | PurePath]) -> list[Value]:
        return [self._device_name(device) for device in devices]

    def _device_name(self, device: str | PurePath) -> str:
        """The name of a declared device, or of the one that this path is or becomes."""
        if isinstance(device, str) and (device in self._devices or "/" not in device):
            return device
        path = str(device)
        for name, written in self._devices.items():
            if written.get("path") == path and "node" not in written:
                return name
        name = unique_name(safe_name(PurePath(path).name) or "device", self._devices)
        return self.device(name, path=path)


class ClientBuilder:
    """A client of a graph under construction."""

    def __init__(self, name: str, written: dict[str, Value]) -> None:
        self.name = name
        self._written = written

    def object(
        self,
        name: str,
        *,
        path: str | PurePath | None = None,
        command: Sequence[str] | None = None,
        stdin: bool | None = None,
        silence_max: int | str | None = None,
        group: str | None = None,
        buffers: str | None = None,
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
        """Adds a data object, which has a path, a command or standard input; returns the client, so
        that calls stand in a row.  exclude: lines of gitignore's dialect.  chunking: as in
        {"kind": "fastcdc"}.  hooks: as in [{"when": "before", "run": ["sync"]}].  retention: as in
        {"last": 7, "weekly": 4}."""
        objects = self._written["objects"]
        assert isinstance(objects, dict)
        objects[name] = _written(
            path=None if path is None else str(path),
            command=None if command is None else list(command), stdin=stdin,
            silence_max=silence_max, group=group, buffers=buffers, exclude=list(exclude) or None,
            ignore_files=ignore_files, exclude_caches=exclude_caches,
            one_file_system=one_file_system, exclude_larger_than=exclude_larger_than,
            exclude_older_than=exclude_older_than,
            chunking=None if chunking is None else _values(chunking),
            hooks=[_values(hook) for hook in hooks] or None, retention=_values(retention),
        )  # fmt: skip
        return self


class GroupBuilder:
    """A group of a graph under construction."""

    def __init__(self, graph: GraphBuilder, name: str) -> None:
        self.name = name
        self._graph = graph

    def mirror(
        self,
        name: str,
        *,
        devices: Sequence[str | PurePath],
        buffers: int | None = None,
        level: int | None = None,
        on_failure: OnFailure | None = None,
        when_slow: WhenSlow | None = None,
        lag_max: int | str | None = None,
        rate_limit: int | str | None = None,
        rate_windows: Options | None = None,
    ) -> GroupBuilder:
        """A mirror group that this group feeds, one level behind it."""
        return self._graph.mirror_group(
            name, devices=devices, mirrors=self.name, buffers=buffers, level=level,
            on_failure=on_failure, when_slow=when_slow, lag_max=lag_max, rate_limit=rate_limit,
            rate_windows=rate_windows,
        )  # fmt: skip


class RestoreGroupBuilder:
    """A restore group of a graph under construction."""

    def __init__(self, graph: GraphBuilder, name: str) -> None:
        self.name = name
        self._graph = graph

    def copy(
        self,
        name: str,
        *,
        devices: Sequence[str | PurePath],
        buffers: int | None = None,
        after: str | None = None,
        select: Options | None = None,
        on_failure: OnFailure | None = None,
    ) -> GroupBuilder:
        """A copy group that this group feeds."""
        return self._graph.copy_group(
            name, devices=devices, copies=self.name, buffers=buffers, after=after, select=select,
            on_failure=on_failure,
        )  # fmt: skip


def unique_name(wished: str, taken: Mapping[str, object]) -> str:
    """`wished`, or with a number behind it that nobody has, upper and lower case being equal."""
    folded = {name.casefold() for name in taken}
    name, number = wished, 2
    while name.casefold() in folded:
        name, number = f"{wished}-{number}", number + 1
    return name


def _written(**options: Value) -> dict[str, Value]:
    """What was really asked for: options that are None were not."""
    return {key: value for key, value in options.items() if value is not None}


def _values(options: Options | None) -> dict[str, Value] | None:
    """As a file would have them: lists for whatever holds several values."""
    if options is None:
        return None
    return {
        key: list(value) if isinstance(value, (tuple, list)) else value  # type: ignore[misc]
        for key, value in options.items()
    }


def _note_places(tree: Tree, value: Value, keys: tuple[Key, ...]) -> None:
    """Every value of a graph without a text stands in line 1."""
    tree.places[keys] = (1, 1)
    if isinstance(value, dict):
        for key, child in value.items():
            _note_places(tree, child, (*keys, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            _note_places(tree, child, (*keys, index))
