"""From the first line to the files that came back, in Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowbackup import Graph
from flowbackup.testing.compare import differences
from flowbackup.units import GIB

TEN_LINES = """\
from shutil import rmtree
from flowbackup import Graph
g = Graph("nightly", catalog="catalog.sqlite")
g.client("web").object("site", path="www")
primary = g.backup_group("primary", devices=["./nas"])
primary.mirror("offsite", devices=["./usb"])
backup = g.run(create=True)
rmtree("nas/segments")
restored = g.restore("web/site", target="back")
print(backup.outcome, restored.outcome)
"""


@pytest.fixture
def place(memory_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(memory_path)
    monkeypatch.setenv("FLOWBACKUP_ENGINE", "local")
    (memory_path / "www" / "deep").mkdir(parents=True)
    for number in range(20):
        (memory_path / "www" / "deep" / f"{number}.html").write_text(f"page {number}\n" * 999)
    return memory_path


def test_ten_lines_back_up_damage_and_restore(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(TEN_LINES.splitlines()) == 10
    exec(compile(TEN_LINES, "ten_lines.py", "exec"), {})
    assert capsys.readouterr().out == "success success\n"
    assert not (place / "nas" / "segments").exists()
    assert list(differences(place / "www", place / "back")) == []


def test_results_are_tables(place: Path) -> None:
    graph = Graph("nightly", catalog=str(place / "catalog.sqlite"))
    graph.client("web").object("site", path=place / "www")
    graph.backup_group("primary", devices=[place / "nas"]).mirror(
        "offsite", devices=[place / "usb"]
    )
    done = graph.run(create=True, engine="local")
    assert done.objects.column("name").to_pylist() == ["site"]
    assert done.devices.column("state").to_pylist() == ["complete", "complete"]
    assert done.problems.num_rows == 0
    assert "success" in repr(done)
    restored = graph.restore(target=place / "back", include=("*/1*.html",))
    assert restored.outcome == "success"
    assert len(list((place / "back").rglob("*.html"))) == 11


def test_copies_run_by_themselves(place: Path) -> None:
    graph = Graph("nightly", catalog=str(place / "catalog.sqlite"), engine="local")
    graph.client("web").object("site", path=place / "www")
    graph.backup_group("primary", devices=[place / "nas"])
    back = graph.restore_group("back", devices=["nas"])
    back.copy("archive", devices=[place / "tape"], after="command")
    assert graph.run(create=True).outcome == "success"
    copied = graph.copy("archive", create=True)
    assert copied.outcome == "success"
    assert copied.devices.column("name").to_pylist()[-1] == "tape"


def test_a_simulation_is_tables_and_a_picture() -> None:
    graph = Graph("nightly")
    graph.client("web").object("site", path="/srv/www")
    graph.device("nas", path="/mnt/nas", rate="200 MB/s")
    primary = graph.backup_group("primary", devices=["nas"])
    primary.mirror("offsite", devices=["/mnt/usb"], on_failure="optional")
    found = graph.simulate(
        rates={"usb": "80MB/s"}, sizes={"web/site": 4 * GIB}, fails={"usb": 30}, seed=1
    )
    assert found.outcome == "success"
    assert found.seconds == pytest.approx(30 + (4 * GIB - 30 * 80e6) / 200e6, rel=0.05)
    assert found.devices.column("name").to_pylist() == ["nas", "usb"]
    assert set(found.waits.column("whom").to_pylist()) >= {"nas", "usb"}
    fill = found.fill
    assert fill.column_names == ["seconds", "primary.nas", "offsite.usb"]
    assert max(fill.column("primary.nas").to_pylist()) == pytest.approx(8)
    assert found.if_lost("nas", 10.0).bytes_lost == 0
    picture = found.plot()
    assert picture.startswith("<svg") and "failed" in picture
    assert picture.count("<polygon") == 2
    assert repr(found).startswith("nightly: success, 4 GiB in")
    assert found._repr_mimebundle_()["text/plain"] == repr(found)


def test_a_picture_is_saved(tmp_path: Path) -> None:
    graph = Graph("g")
    graph.client("web").object("site", path="/srv/www")
    graph.backup_group("primary", devices=["/mnt/nas"])
    graph.draw().save(tmp_path / "chain.svg")
    assert (tmp_path / "chain.svg").read_text() == graph.draw()
