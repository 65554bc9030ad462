"""Graph files through the page: found, read, saved only over what was loaded."""

from __future__ import annotations

import json
import os
import socket
from urllib.parse import quote

import pytest

from flowbackup.plan.making import load_plan
from flowbackup.ui.pages import page_of
from flowbackup.ui.refusal import Refused
from flowbackup.ui.starting import FOLDER, templates
from tests.ui.conftest import GRAPH, Page


def test_a_graph_is_made_listed_read_and_saved(page: Page) -> None:
    made = page.post("graphs", path="nightly.yaml", text=GRAPH, positions={"web": {"x": 1, "y": 2}})
    path = str(page.root / "nightly.yaml")
    assert made["path"] == path and made["positions"] == {"web": {"x": 1.0, "y": 2.0}}
    (row,) = page.get("graphs")["rows"]
    assert (row["name"], row["path"]) == ("nightly", path)
    assert page.get(f"graphs{path}") == made

    text = GRAPH.replace("buffers: 8", "buffers: 9")
    saved = page.client.put(f"/api/graphs{path}", json={"text": text, "before": made["version"]})
    assert saved.json()["text"] == text == (page.root / "nightly.yaml").read_text()
    assert saved.json()["positions"] == made["positions"]
    assert sorted(os.listdir(page.root)) == ["nightly.layout.json", "nightly.yaml"]


def test_moving_a_box_is_no_change_of_the_graph(page: Page) -> None:
    made = page.post("graphs", path="nightly.yaml", text=GRAPH)
    before = (page.root / "nightly.yaml").stat().st_mtime_ns
    body = {"text": GRAPH, "before": made["version"], "positions": {"web": {"x": 5, "y": 6}}}
    assert page.client.put(f"/api/graphs{made['path']}", json=body).status_code == 200
    assert json.loads((page.root / "nightly.layout.json").read_text()) == {"web": {"x": 5, "y": 6}}
    assert (page.root / "nightly.yaml").read_text() == GRAPH
    assert before <= (page.root / "nightly.yaml").stat().st_mtime_ns


def test_what_somebody_else_has_changed_is_not_overwritten(page: Page) -> None:
    made = page.post("graphs", path="nightly.yaml", text=GRAPH)
    (page.root / "nightly.yaml").write_text(GRAPH + "# by hand\n")
    body = {"text": GRAPH, "before": made["version"]}
    status, error = page.refused("PUT", f"graphs{made['path']}", json=body)
    assert (status, error["kind"]) == (409, "changed")
    assert (page.root / "nightly.yaml").read_text().endswith("# by hand\n")


def test_a_new_graph_takes_the_place_of_none(page: Page) -> None:
    page.post("graphs", path="nightly.yaml", text=GRAPH)
    body = {"path": "nightly.yaml", "text": "graph: other\n"}
    assert page.refused("POST", "graphs", json=body)[1]["kind"] == "exists"
    assert (page.root / "nightly.yaml").read_text() == GRAPH
    assert os.listdir(page.root) == ["nightly.yaml"]


def test_the_mode_of_a_file_stays(page: Page) -> None:
    made = page.post("graphs", path="nightly.yaml", text=GRAPH)
    (page.root / "nightly.yaml").chmod(0o600)
    body = {"text": GRAPH + "#\n", "before": made["version"]}
    page.client.put(f"/api/graphs{made['path']}", json=body)
    assert (page.root / "nightly.yaml").stat().st_mode & 0o777 == 0o600


def test_a_text_with_faults_is_saved_and_one_that_reaches_outside_is_not(page: Page) -> None:
    page.post("graphs", path="draft.yaml", text="graph: draft\ndevices: [\n")
    outside = GRAPH.replace("devices/nas", "/etc")
    status, error = page.refused("POST", "graphs", json={"path": "x.yaml", "text": outside})
    assert status == 403 and "/etc is outside" in error["message"]
    assert os.listdir(page.root) == ["draft.yaml"]


@pytest.mark.parametrize("name", ["nightly", "nightly.txt", ".bashrc", "x.yaml/", "x.layout.json"])
def test_only_graph_files_are_written(page: Page, name: str) -> None:
    body = {"path": name, "text": GRAPH}
    answer = page.client.post("/api/graphs", json=body)
    assert answer.status_code == (201 if name == "x.yaml/" else 400)


def test_what_is_no_graph_is_not_listed(page: Page) -> None:
    (page.root / "values.yaml").write_text("image: nginx\n")
    (page.root / ".hidden.yaml").write_text(GRAPH)
    (page.root / "deep" / "er").mkdir(parents=True)
    (page.root / "deep" / "er" / "found.yml").write_text(GRAPH)
    assert [row["name"] for row in page.get("graphs")["rows"]] == ["found"]


def test_lists_come_in_pages(page: Page) -> None:
    for number in range(5):
        (page.root / f"g{number}.yaml").write_text("graph: g\n")
    first = page.get("graphs", limit=3)
    second = page.get("graphs", limit=3, after=first["next"])
    names = [row["name"] for part in (first, second) for row in part["rows"]]
    assert names == [f"g{number}" for number in range(5)]
    assert second["next"] is None
    assert page.refused("GET", "graphs", params={"limit": 100_000})[0] == 400
    assert page.refused("GET", "graphs", params={"after": "x"})[0] == 400


@pytest.mark.parametrize("after", ["-1", "x", "1e3", "99999999", "²"])
def test_only_what_a_page_has_said_is_asked_for(after: str) -> None:
    with pytest.raises(Refused):
        page_of([1, 2, 3], after, 2)


def test_positions_that_make_no_sense_are_none(page: Page) -> None:
    made = page.post("graphs", path="nightly.yaml", text=GRAPH)
    for text in (
        "[", "[1]", "null", '{"a": 1}', '{"a": null}', '{"a": {"x": "left", "y": 0}}',
        '{"a": {"x": 1}}', '{"a": {"x": NaN, "y": 0}}', '{"a": {"x": "inf", "y": 0}}',
        '{"a": {"x": 1e300, "y": 0}}', '{"a": {"x": 1%s, "y": 0}}' % ("0" * 400),
        '{"\\ud800": {"x": 1, "y": 2}}', "[" * 500_000, " " * (1 << 20) + '{"a": {"x": 1, "y": 2}}',
    ):  # fmt: skip
        (page.root / "nightly.layout.json").write_text(text)
        assert page.get(f"graphs{made['path']}")["positions"] == {}, text[:40]
    (page.root / "nightly.layout.json").unlink()
    os.mkfifo(page.root / "nightly.layout.json")
    assert page.get(f"graphs{made['path']}")["positions"] == {}


def test_what_is_no_file_is_no_graph_and_stops_nothing(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(page.root / "pipe.yaml")
    monkeypatch.chdir(page.root)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.yaml")
        page.post("graphs", path="nightly.yaml", text=GRAPH)
        assert [row["name"] for row in page.get("graphs")["rows"]] == ["nightly"]
    pipe = str(page.root / "pipe.yaml")
    assert page.refused("GET", f"graphs{pipe}")[0] == 404
    assert page.refused("POST", "runs", json={"path": pipe})[0] == 404
    (page.root / "x").write_text("x")
    query = {"path": "x", "graph": pipe}
    assert page.refused("GET", "why", params=query)[0] == 404


@pytest.mark.parametrize("name", ["a#b", "a?b", "a b&c=d", "ä%"])
def test_a_graph_may_be_called_by_any_sign(page: Page, name: str) -> None:
    made = page.post("graphs", path=f"{name}.yaml", text=GRAPH)
    address = f"/api/graphs{quote(made['path'])}"
    assert page.client.get(address).json() == made
    body = {"text": GRAPH + "#", "before": made["version"], "positions": {"a": {"x": 1, "y": 2}}}
    assert page.client.put(address, json=body).json()["name"] == name
    assert [row["path"] for row in page.get("graphs")["rows"]] == [made["path"]]


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.stem)
def test_every_template_is_a_graph_that_can_be_planned(path: object) -> None:
    assert load_plan(str(path)).agents


def test_templates_have_names_and_titles(page: Page) -> None:
    found = page.get("templates")
    assert [item["name"] for item in found] == [item.name for item in templates()]
    assert found[0]["name"] == "single"
    assert all(item["title"] and item["text"].startswith("# ") for item in found)
