"""The text is the one model of the designer: what it says, what is wrong with it, and how it takes
a change."""

from __future__ import annotations

import difflib
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from flowbackup.spec import parse_graph
from flowbackup.spec.dump import edit_text, spec_values
from flowbackup.ui import legality
from flowbackup.ui.design import diff_lines
from tests.plan.written import Graph, block_yaml, legal_graphs
from tests.ui.conftest import GRAPH, Page

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
COMMENTS = [line.partition("#")[2] for line in GRAPH.splitlines() if "#" in line]


def changed(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line[0] in "+-"]


def test_a_sound_text_has_a_picture_and_its_numbers(page: Page) -> None:
    design = page.post("design/check", text=GRAPH)
    assert design["findings"] == [] and design["text"] == GRAPH
    boxes = {box["name"]: box for box in design["picture"]["boxes"]}
    assert set(boxes) == {"web", "primary.nas", "offsite.usb", "late.vault"}
    assert boxes["late.vault"]["level"] == 2 and boxes["late.vault"]["device"] == "vault"
    edges = {(e["source"], e["target"]): e for e in design["picture"]["edges"]}
    assert edges["primary.nas", "offsite.usb"]["source_buffers"] == [0, 8]
    assert design["memory"] == [{"node": "here", "bytes": design["memory"][0]["bytes"]}]
    assert design["memory"][0]["bytes"] > 8 * (16 << 20)
    assert "share one disk" in design["bottleneck"] and design["rate"] is None
    rated = GRAPH.replace("path: devices/usb", "path: devices/usb\n    rate: 80 MB/s")
    assert page.post("design/check", text=rated)["rate"] == 80e6


def test_every_fault_has_its_place_its_keys_and_a_remedy(page: Page) -> None:
    text = GRAPH.replace("mirrors: primary", "mirrors: primry").replace("buffers: 8", "buffers: 0")
    design = page.post("design/check", text=text)
    found = {finding["rule"]: finding for finding in design["findings"]}
    wrong = found["unknown-group"]
    assert wrong["keys"] == ["mirror_groups", "offsite", "mirrors"]
    assert text.splitlines()[wrong["line"] - 1].startswith("  offsite:")
    assert wrong["column"] == text.splitlines()[wrong["line"] - 1].index("mirrors") + 1
    assert 'Did you mean "primary"?' in wrong["remedy"]
    assert found["type"]["keys"] == ["backup_groups", "primary", "buffers"]
    assert design["picture"] is None and design["spec"]["graph"] == "nightly"


def test_what_cannot_be_read_is_told_and_not_changed(page: Page) -> None:
    broken = GRAPH + "devices: {\n"
    design = page.post("design/check", text=broken)
    assert design["spec"] is None and design["findings"][0]["line"] > 1
    status, error = page.refused("POST", "design/edit", json={"text": broken, "spec": {}})
    assert (status, error["kind"]) == (422, "graph")
    doubled = GRAPH + "graph: twice\n"
    assert page.refused("POST", "design/edit", json={"text": doubled, "spec": {}})[0] == 422


def test_an_edit_changes_its_line_and_keeps_comments_and_order(page: Page) -> None:
    spec = page.post("design/check", text=GRAPH)["spec"]
    spec["mirror_groups"]["offsite"]["buffers"] = 4
    spec["devices"]["tape"] = {"path": "devices/tape"}
    spec["mirror_groups"]["far"] = {"devices": ["tape"], "mirrors": "late"}
    design = page.post("design/edit", text=GRAPH, spec=spec)
    lines = changed(GRAPH, design["text"])
    assert [line for line in lines if line[0] == "-"] == [
        "-   offsite: {devices: [usb], mirrors: primary}"
    ]
    assert len(lines) == 7
    assert all(comment in design["text"] for comment in COMMENTS)
    assert design["findings"] == []
    assert "far.tape" in {box["name"] for box in design["picture"]["boxes"]}


def test_what_is_taken_out_is_gone_with_its_line_only(page: Page) -> None:
    spec = page.post("design/check", text=GRAPH)["spec"]
    del spec["mirror_groups"]["late"], spec["devices"]["vault"], spec["couplings"]
    design = page.post("design/edit", text=GRAPH, spec=spec)
    assert design["findings"] == []
    assert "vault" not in design["text"] and "# in the cellar" in design["text"]


def test_a_wrong_value_is_written_and_named_where_it_stands(page: Page) -> None:
    """A form is filled in letter by letter: what is not right yet is not lost."""
    spec = page.post("design/check", text=GRAPH)["spec"]
    spec["backup_groups"]["primary"]["buffers"] = 0
    spec["surprise"] = 1
    design = page.post("design/edit", text=GRAPH, spec=spec)
    assert {tuple(finding["keys"]) for finding in design["findings"]} == {
        ("backup_groups", "primary", "buffers"), ("surprise",)
    }  # fmt: skip
    assert "buffers: 0" in design["text"]
    said = design["spec"]
    said["backup_groups"]["primary"]["buffers"] = 9
    mended = page.post("design/edit", text=design["text"], spec=said)
    assert [finding["keys"] for finding in mended["findings"]] == [["surprise"]]
    assert "buffers: 0" not in mended["text"]


def test_a_long_line_stays_one(page: Page) -> None:
    text = GRAPH.replace("# in the cellar", "#" + " far" * 40)
    spec = page.post("design/check", text=text)["spec"]
    spec["copies"] = 2
    assert changed(text, page.post("design/edit", text=text, spec=spec)["text"]) == ["+ copies: 2"]


@QUICK
@given(legal_graphs())
def test_from_spec_to_page_and_back_is_identity(graph: Graph) -> None:
    document = parse_graph(block_yaml(graph))
    shown = json.loads(json.dumps(spec_values(document.spec)))

    assert edit_text(document, shown) == document.text
    drawn = edit_text(parse_graph(f"graph: {graph['graph']}\n"), shown)
    assert parse_graph(drawn).spec == document.spec


@QUICK
@given(legal_graphs(), legal_graphs())
def test_any_graph_is_edited_into_any_other(graph: Graph, other: Graph) -> None:
    before, after = parse_graph(block_yaml(graph)), parse_graph(block_yaml(other))
    text = edit_text(before, json.loads(json.dumps(spec_values(after.spec))))
    assert parse_graph(text).spec == after.spec


def targets(page: Page, source: str, text: str = GRAPH) -> dict[str, Any]:
    found = page.post("design/legal", text=text, source=source)["targets"]
    return {row["target"]: row["reason"] for row in found}


def test_only_legal_targets_are_legal_and_the_others_say_why(page: Page) -> None:
    text = GRAPH.replace("  # the last level\n  - offsite -> late\n", "").replace(
        "couplings:\n", ""
    )
    reasons = targets(page, "offsite", text)
    assert reasons["late"] == reasons["late.vault"] == ""
    assert "is a backup group" in reasons["primary"]
    assert "feeds itself" in reasons["offsite.usb"]
    assert 'Write buffers: "nas[0:4]"' in targets(page, "primary.nas[0:4]", text)["late.vault"]
    pinned = text.replace("group: primary", 'group: primary, buffers: "nas[0:4]"')
    assert targets(page, "primary.nas[0:4]", pinned)["late.vault"] == ""


def test_a_target_that_is_fed_already_says_by_whom(page: Page) -> None:
    assert "fed by" in targets(page, "primary")["late"]


def test_a_client_goes_to_backup_groups(page: Page) -> None:
    reasons = targets(page, "web")
    assert reasons["primary"] == ""
    assert "mirror group" in reasons["offsite"]
    assert (
        targets(page, "new", GRAPH.replace("clients:\n", "clients:\n  new: {}\n"))["primary"] == ""
    )


def test_a_large_graph_is_tried_in_part_and_looked_at_for_the_rest(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[object] = []
    check = legality.check
    monkeypatch.setattr(
        legality, "check", lambda *said, **more: tries.append(said) or check(*said, **more)
    )
    count = 700
    devices = "".join(f"  d{n}: {{path: devices/d{n}}}\n" for n in range(count))
    mirrors = "".join(f"  m{n}: {{devices: [d{n}]}}\n" for n in range(count))
    text = GRAPH.replace("devices:\n", f"devices:\n{devices}", 1)
    text = text.replace("mirror_groups:\n", f"mirror_groups:\n{mirrors}")
    text += "restore_groups:\n  readers: {devices: [nas]}\n"
    reasons = targets(page, "primary", text)
    assert len(reasons) == 2 * (count + 4)
    assert reasons[f"m{count - 1}"] == "" and "cannot feed" in reasons["readers.nas"]
    assert len(tries) == 1 + legality.TRIED_MIN


@pytest.mark.parametrize("source", ["nobody", "primary.nobody", "primary.nas[4:2]", "", "a b"])
def test_a_source_that_is_none_is_refused(page: Page, source: str) -> None:
    assert page.refused("POST", "design/legal", json={"text": GRAPH, "source": source})[0] in (
        400,
        404,
    )


HOOK = GRAPH + "hooks:\n  - {when: before, run: [touch, /tmp/x]}\n"


def test_a_graph_of_the_page_reaches_no_further_than_the_page(page: Page) -> None:
    text = GRAPH.replace("devices/nas", "/mnt/nas").replace("path: site", "path: ../../etc")
    design = page.post("design/check", text=text)
    rules = [finding["rule"] for finding in design["findings"]]
    assert rules == ["outside-roots", "outside-roots"]
    assert design["findings"][0]["keys"] == ["clients", "web", "objects", "site", "path"]
    assert design["picture"] is not None


def test_a_graph_of_the_page_sends_nothing_elsewhere(page: Page) -> None:
    for device in (
        '{path: "s3://bucket/x"}', '{kind: s3, url: "s3://bucket/x"}',
        '{kind: tape, path: /dev/nst0}', '{url: "shelf:///etc"}',
        '{kind: s3, url: "s3://bucket/x", endpoint: "https://evil.example"}',
    ):  # fmt: skip
        text = GRAPH.replace("{path: devices/nas}", device)
        found = page.post("design/check", text=text)["findings"]
        assert "outside-roots" in [finding["rule"] for finding in found], device


def test_another_server_is_another_place_than_that_in_the_file(page: Page) -> None:
    text = GRAPH.replace("{path: devices/nas}", '{kind: s3, url: "s3://bucket/x"}')
    (page.root / "nightly.yaml").write_text(text)
    found = page.post("design/check", text=text, path="nightly.yaml")["findings"]
    assert "outside-roots" not in [finding["rule"] for finding in found]
    evil = text.replace('bucket/x"', 'bucket/x", endpoint: "https://evil.example"')
    found = page.post("design/check", text=evil, path="nightly.yaml")["findings"]
    assert "outside-roots" in [finding["rule"] for finding in found]


def test_a_source_of_a_package_is_a_program(page: Page) -> None:
    text = GRAPH.replace("path: site, ", "source: dataset, ")
    found = page.post("design/check", text=text)["findings"]
    assert "program-on-page" in [finding["rule"] for finding in found], found


def test_a_graph_of_the_page_runs_no_program(page: Page) -> None:
    command = GRAPH.replace("path: site, ", 'command: ["rm", "-r", "/"], ')
    for text in (HOOK, command):
        found = page.post("design/check", text=text)["findings"]
        assert "program-on-page" in [finding["rule"] for finding in found], found


def test_what_stands_in_the_file_may_stay(page: Page) -> None:
    written = HOOK.replace("devices/nas", "/mnt/nas")
    (page.root / "nightly.yaml").write_text(written)
    rules = ("outside-roots", "program-on-page")
    found = page.post("design/check", text=written + "copies: 1\n", path="nightly.yaml")["findings"]
    assert [f for f in found if f["rule"] in rules] == []
    more = written.replace("[touch, /tmp/x]", "[touch, /tmp/y]")
    found = page.post("design/check", text=more, path="nightly.yaml")["findings"]
    assert [f["rule"] for f in found if f["rule"] in rules] == ["program-on-page"]
    assert page.post("design/check", text=written, path="other.yaml")["findings"] != []


def test_devices_of_other_nodes_are_theirs(page: Page) -> None:
    text = GRAPH.replace("{path: devices/nas}", "{path: /mnt/nas, node: far}")
    text = text.replace("clients:\n", "nodes:\n  far: {}\nclients:\n")
    found = page.post("design/check", text=text)["findings"]
    assert "outside-roots" not in [finding["rule"] for finding in found]


def test_a_diff_has_every_line(page: Page) -> None:
    lines = page.client.post(
        "/api/design/diff", json={"before": "a\nb\nc\n", "after": "a\nx\nc\nd\n"}
    )
    assert [(line["kind"], line["text"]) for line in lines.json()] == [
        ("same", "a"), ("del", "b"), ("add", "x"), ("same", "c"), ("add", "d")
    ]  # fmt: skip


@pytest.mark.parametrize("count", [10, 5000])
def test_both_texts_come_back_from_a_diff(count: int) -> None:
    before = [f"line {number % 7}" for number in range(count)]
    after = [*before[: count // 2], "new", *before[count // 2 + 3 :], "end"]
    lines = diff_lines("\n".join(before), "\n".join(after))
    assert [line.text for line in lines if line.kind != "add"] == before
    assert [line.text for line in lines if line.kind != "del"] == after
