"""What killed sessions leave on a medium, and what a prune makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.errors import NotFoundError
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.model.device import DeviceTarget
from flowbackup.model.ids import id_text, new_id
from flowbackup.model.report import Outcome
from flowbackup.monitor import SilentMonitor
from flowbackup.testing.frames import sample_frame
from tests.catalog.dump import assert_equal, dump
from tests.local_backup import Died
from tests.retention.keeping import Keeping


@pytest.fixture
def keeping(memory_path: Path) -> Keeping:
    keeping = Keeping(memory_path)
    keeping.write("a", 200_000)
    keeping.backup()
    return keeping


def parts(keeping: Keeping) -> list[Path]:
    return [*(keeping.place() / "segments").glob("*.part")]


def rebuilt(keeping: Keeping) -> None:
    report = api.rebuild(
        [str(keeping.place())], SilentMonitor(), keeping.local.catalog_path, fresh=True
    )
    assert report.outcome is Outcome.SUCCESS, report.problems


def test_a_segment_in_which_nothing_was_committed_goes(keeping: Keeping) -> None:
    device = DirectoryDevice(DeviceTarget("disk", "directory", str(keeping.place())))
    device.lock("test")
    writer = device.writer(new_id(), 0)
    header, payload = sample_frame(90_000)
    writer.append(header, payload)
    writer.close()
    device.close()
    (part,) = parts(keeping)
    before = keeping.used_bytes()
    assert keeping.prune().outcome is Outcome.SUCCESS
    assert not parts(keeping) and part.with_suffix(".seg").exists()
    assert keeping.used_bytes() < before and len(keeping.judged()) == 1


def test_what_an_object_had_that_was_never_finished_goes(keeping: Keeping) -> None:
    keeping.write("b", 400_000)
    with pytest.raises(Died):
        keeping.backup(dies_at=5)
    (part,) = parts(keeping)
    report = keeping.prune()
    assert report.outcome is Outcome.SUCCESS and report.freed[0].segments == 1
    assert not parts(keeping) and part.with_suffix(".seg").stat().st_size < 100_000


def test_what_a_journal_names_stays(keeping: Keeping) -> None:
    """The next run goes on with it."""
    from flowbackup.model.known import JournalPage

    keeping.write("b", 400_000)
    with pytest.raises(Died):
        keeping.backup(dies_at=5)
    with keeping.local.catalog() as catalog:
        (row,) = catalog._database.rows(
            "SELECT DISTINCT session, object_id FROM frames WHERE object_id NOT IN "
            "(SELECT object_id FROM versions) AND object_id <> zeroblob(16)"
        )
        (body,) = catalog._database.rows("SELECT body FROM pages LIMIT 1")
        page = JournalPage(row[1], "web", "site", b"/x", 1, 0, body[0])
        catalog.unfinished.add_journal(row[0], [page])
    assert keeping.prune().freed[0].segments == 0 and parts(keeping)
    keeping.backup()  # A version of the object: its journal goes.
    assert keeping.prune().freed[0].segments == 1


def test_an_object_that_was_finished_and_no_version_is_forgotten(keeping: Keeping) -> None:
    """Its session knows that it did not become one; a rebuild must not make one of what is left."""
    keeping.write("b", 90_000)
    with pytest.raises(Died):
        keeping.backup(dies_at=99)  # Behind its last frame.
    wanted = {id_text(version.object_id) for version in keeping.versions()}
    assert len(keeping.judged()) == 2
    assert keeping.prune(max_unused=None).outcome is Outcome.SUCCESS
    assert keeping.judged() == wanted
    rebuilt(keeping)
    assert {id_text(version.object_id) for version in keeping.versions()} == wanted
    assert keeping.backup().number == 2


def test_nothing_goes_while_versions_were_not_read(keeping: Keeping) -> None:
    """A rebuild without the medium that has their lists: what they need nobody knows."""
    version = keeping.backup()
    with keeping.local.catalog() as catalog:
        catalog._database.execute("UPDATE sessions SET holder = ''")
        for table in ("version_frames", "version_pages", "versions"):
            catalog._database.execute(
                f"DELETE FROM {table} WHERE version IN (SELECT version FROM versions "
                "WHERE object_id = ?)" if table != "versions" else
                "DELETE FROM versions WHERE object_id = ?",
                (version.object_id,),
            )  # fmt: skip
    before = keeping.used_bytes()
    with pytest.raises(NotFoundError, match="1 version whose lists of files"):
        keeping.prune()
    assert keeping.used_bytes() == before


def test_a_note_that_did_not_get_its_name_gets_it(keeping: Keeping) -> None:
    """Killed between the two renames: what stands there is believed, and named by the next."""
    keeping.write("b", 400_000)
    with pytest.raises(Died):
        keeping.backup(dies_at=5)
    (part,) = parts(keeping)
    keeping.prune()
    part.with_suffix(".seg").rename(part)
    assert len(keeping.judged()) == 1
    report = keeping.prune()
    assert (report.outcome, report.problems) == (Outcome.SUCCESS, ())
    assert not parts(keeping) and part.with_suffix(".seg").exists()


def test_the_number_of_a_forgotten_version_is_given_to_no_other(keeping: Keeping) -> None:
    second = keeping.backup()
    keeping.forget(second)
    assert keeping.backup().number == 3
    keeping.prune(max_unused=None)
    before = dump(keeping.local.catalog_path)
    rebuilt(keeping)
    after = dump(keeping.local.catalog_path)
    for table in ("versions", "forgotten", "forgotten_told", "freed", "freed_segments", "copies"):
        assert_equal({table: after[table]}, {table: before[table]})
    assert [version.number for version in keeping.versions()] == [1, 3]


def test_a_rebuild_into_a_catalog_takes_over_what_media_forgot(keeping: Keeping) -> None:
    """A copy of the catalog from before knows the version still."""
    keeping.write("a", 200_000)
    second = keeping.backup()
    first = keeping.versions()[0]
    old = keeping.local.catalog_path.read_bytes()
    keeping.forget(first)
    keeping.prune(max_unused=None)
    for name in ("-wal", "-shm"):
        Path(f"{keeping.local.catalog_path}{name}").unlink(missing_ok=True)
    keeping.local.catalog_path.write_bytes(old)
    assert len(keeping.versions()) == 2
    report = api.rebuild([str(keeping.place())], SilentMonitor(), keeping.local.catalog_path)
    assert report.outcome is Outcome.SUCCESS
    assert [version.object_id for version in keeping.versions()] == [second.object_id]


def test_a_device_that_another_catalog_writes_to_is_left_alone(keeping: Keeping) -> None:
    """What the versions of that one need nobody knows here."""
    keeping.write("b", 300_000)
    keeping.backup()
    keeping.local.catalog_path.rename(keeping.folder / "first.sqlite")
    for name in ("-wal", "-shm"):
        Path(f"{keeping.local.catalog_path}{name}").unlink(missing_ok=True)
    keeping.write("b", 300_000)
    keeping.backup()
    wanted, before = keeping.judged(), keeping.used_bytes()
    with pytest.raises(NotFoundError, match="2 sessions that this catalog does not know"):
        keeping.prune()
    assert keeping.used_bytes() == before
    assert (
        api.rebuild([str(keeping.place())], SilentMonitor(), keeping.local.catalog_path).outcome
        is Outcome.SUCCESS
    )
    assert keeping.prune().outcome is Outcome.SUCCESS
    assert keeping.judged() == wanted


def test_what_a_killed_prune_has_freed_is_not_missed(keeping: Keeping) -> None:
    """It lived to free and not to tell: the catalog is as before, the media are not."""
    keeping.write("b", 300_000)
    keeping.write("a", 200_000)
    keeping.backup()
    keeping.forget(keeping.versions()[0])
    old = keeping.local.catalog_path.read_bytes()
    (done,) = keeping.prune().freed
    assert done.segments
    for name in ("-wal", "-shm"):
        Path(f"{keeping.local.catalog_path}{name}").unlink(missing_ok=True)
    keeping.local.catalog_path.write_bytes(old)
    with keeping.local.catalog() as catalog:
        # The session of the one that was killed had been begun.
        sessions = {stored.header.session for stored in keeping.reader().frames()}
        for session in sessions - {row.session for row in catalog.sessions()}:
            catalog.begin_session(session, "prune", "", "", "here", 1, "{}")
    report = keeping.prune()
    assert (report.outcome, report.problems) == (Outcome.SUCCESS, ())
    assert report.freed[0].segments == 0
    keeping.recovers(keeping.versions()[-1], keeping.tree)
