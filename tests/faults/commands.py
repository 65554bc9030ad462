"""The commands of somebody who has a medium and no catalog: rebuild, verify, restore."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from flowbackup import api
from flowbackup.catalog import Catalog, open_catalog
from flowbackup.errors import FlowbackupError
from flowbackup.media.checks.facts import Mode
from flowbackup.model.ids import id_text
from flowbackup.monitor import RecordingMonitor, SilentMonitor
from flowbackup.runtime.care.rebuilding import RebuildTask, run_rebuild


def by_commands(medium: Path, targets: Path) -> list[str]:
    """Rebuilds a catalog beside `targets` in every way, verifies, and restores every version into
    `targets`/0, 1, ...  Returns the errors and problems in words."""
    catalog = targets.parent / "catalog"
    told: list[str] = []
    monitor = RecordingMonitor()

    def attempt(what: Callable[[], object]) -> None:
        try:
            what()
        except FlowbackupError as error:
            told.append(f"{type(error).__name__}: {error}")

    for mode in Mode:
        task = RebuildTask(catalog, (str(medium),), mode, fresh=True)
        attempt(lambda: run_rebuild(task, monitor))  # noqa: B023
    if catalog.exists():
        attempt(lambda: api.verify((), monitor, catalog))
        attempt(lambda: list(api.objects(catalog)))
        request = api.RestoreRequest(catalog=catalog)
        for number, name in enumerate(version_ids(catalog)):
            target = str(targets / str(number))
            attempt(lambda: api.restore(name, target, request, monitor))  # noqa: B023
    return told + [f"{problem.kind}: {problem.text}" for problem in monitor.problems]


def version_ids(path: Path) -> list[str]:
    with open_catalog(path, create=False) as catalog:
        return [id_text(version.object_id) for version in catalog.versions()]


def rebuilt(path: Path, medium: Path) -> Catalog:
    """A new catalog of one sound medium."""
    run_rebuild(RebuildTask(path, (str(medium),)), SilentMonitor())
    return open_catalog(path, create=False)
