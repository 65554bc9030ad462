"""No path from the browser leads out of the roots, however it is written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowbackup.errors import UsageError
from flowbackup.ui.refusal import Refused
from flowbackup.ui.roots import Roots
from tests.ui.conftest import GRAPH, Page


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A root with links in all directions, and something beside it."""
    root = tmp_path / "root"
    (root / "inside").mkdir(parents=True)
    (tmp_path / "root-beside").mkdir()
    (tmp_path / "outside.yaml").write_text("graph: outside\n")
    (root / "out").symlink_to(tmp_path)
    (root / "up").symlink_to("..")
    (root / "etc").symlink_to("/etc")
    (root / "out.yaml").symlink_to(tmp_path / "outside.yaml")
    (root / "in").symlink_to("inside")
    (root / "loop").symlink_to("loop")
    yield root


HOSTILE = [
    "..", "../outside.yaml", "inside/../../outside.yaml", "inside/../..", "/", "/etc/passwd",
    "/etc/x.yaml", "//etc/x.yaml", "out/outside.yaml", "up/outside.yaml", "etc/x.yaml", "out.yaml",
    "./../outside.yaml", "in/../../outside.yaml", "{root}-beside", "{root}-beside/x.yaml",
    "{root}/../outside.yaml", "{root}/out/outside.yaml", "{root}/../root-beside/x.yaml",
]  # fmt: skip
UNREADABLE = ["", "x\0.yaml", "\0", "../\0", "x" * 5000, "a/" * 3000]


@pytest.mark.parametrize("named", HOSTILE)
def test_what_leads_out_is_refused(place: Path, named: str) -> None:
    with pytest.raises(Refused) as caught:
        Roots([place]).resolve(named.format(root=place))
    assert caught.value.status_code == 403
    assert "--root" in caught.value.remedy


@pytest.mark.parametrize("named", UNREADABLE, ids=lambda text: repr(text[:8]))
def test_what_is_no_path_is_refused(place: Path, named: str) -> None:
    with pytest.raises(Refused) as caught:
        Roots([place]).resolve(named)
    assert caught.value.status_code == 400


@pytest.mark.parametrize(
    ("named", "found"),
    [("x.yaml", "x.yaml"), ("inside/new/x.yaml", "inside/new/x.yaml"),
     ("in/x.yaml", "inside/x.yaml"), ("./x.yaml", "x.yaml"), ("inside//x.yaml", "inside/x.yaml"),
     ("..x.yaml", "..x.yaml"),
     ("{root}", "."), ("{root}/x.yaml", "x.yaml"), ("~/x.yaml", "~/x.yaml"),
     ("%2e%2e/x", "%2e%2e/x")],
)  # fmt: skip
def test_what_stays_inside_is_found(place: Path, named: str, found: str) -> None:
    assert Roots([place]).resolve(named.format(root=place)) == (place / found).absolute()


def test_a_root_may_be_a_link_itself_and_there_may_be_several(place: Path, tmp_path: Path) -> None:
    (tmp_path / "called").symlink_to(place)
    roots = Roots([tmp_path / "root-beside", tmp_path / "called"])
    assert roots.resolve(f"{tmp_path}/called/x.yaml") == place / "x.yaml"
    assert roots.resolve("x.yaml") == tmp_path / "root-beside" / "x.yaml"
    assert roots.holds(f"{place}/inside") and not roots.holds(str(tmp_path))


def test_a_root_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder"):
        Roots([tmp_path / "missing"])


PIECES = st.sampled_from(
    ["..", ".", "", "inside", "out", "up", "in", "etc", "x.yaml", "/", "//", "~", "%2e%2e", "\\.."]
)


@given(st.lists(PIECES, max_size=8), st.sampled_from(["/", "//", "/./"]))
@example(["in", "..", "up"], "/")
def test_whatever_is_written_stays_inside(pieces: list[str], sign: str) -> None:
    place = Path(os.environ["XDG_RUNTIME_DIR"]) / "roots"
    if not place.exists():
        (place / "root" / "inside").mkdir(parents=True)
        (place / "root" / "up").symlink_to("..")
        (place / "root" / "in").symlink_to("inside")
        (place / "root" / "etc").symlink_to("/etc")
    root = (place / "root").resolve()
    try:
        found = Roots([root]).resolve(sign.join(pieces))
    except Refused:
        return
    assert Path(os.path.realpath(found)).is_relative_to(root)


@pytest.mark.parametrize(
    "address",
    ["/etc/x.yaml", "/%2e%2e/%2e%2e/etc/x.yaml", "/..%2f..%2fetc%2fx.yaml", "/%2fetc/x.yaml",
     "{root}/..%2foutside.yaml", "{root}/%2e%2e/outside.yaml", "{root}/link.yaml",
     "{root}/x%00.yaml",
     "{root}/folder-link/outside.yaml", "{root}/x.txt", "{root}/missing.yaml", "{root}/pipe.yaml",
     "{root}", "{root}/%252e%252e/outside.yaml"],
)  # fmt: skip
def test_no_address_reads_or_writes_outside(page: Page, address: str) -> None:
    outside = page.root.parent / "outside.yaml"
    outside.write_text("graph: secret\n")
    (page.root / "link.yaml").symlink_to(outside)
    (page.root / "folder-link").symlink_to(page.root.parent)
    os.mkfifo(page.root / "pipe.yaml")
    path = address.format(root=page.root)
    got = page.client.get(f"/api/graphs{path}")
    put = page.client.put(f"/api/graphs{path}", json={"text": GRAPH, "before": ""})
    for answer in (got, put):
        assert answer.status_code in (400, 403, 404, 409), answer.text
        assert "graph: secret" not in answer.text
    assert outside.read_text() == "graph: secret\n"


def test_links_are_not_listed(page: Page) -> None:
    (page.root.parent / "outside.yaml").write_text(GRAPH)
    (page.root / "link.yaml").symlink_to(page.root.parent / "outside.yaml")
    (page.root / "folder").symlink_to(page.root.parent)
    assert page.get("graphs")["rows"] == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "graphs", {"path": "../x.yaml", "text": GRAPH}),
        ("POST", "graphs", {"path": "/etc/x.yaml", "text": GRAPH}),
        ("POST", "design/check", {"path": "/etc/x.yaml", "text": GRAPH}),
        ("POST", "design/edit", {"path": "/etc/x.yaml", "text": GRAPH, "spec": {}}),
        ("POST", "design/legal", {"path": "../x.yaml", "text": GRAPH, "source": "primary"}),
        ("POST", "plan/simulate", {"path": "../x.yaml", "text": GRAPH}),
        ("POST", "runs", {"path": "/etc/x.yaml"}),
        ("POST", "devices", {"path": "../new"}),
        ("POST", "restores",
         {"version": "01940c00-0000-7000-8000-000000000000", "target": "/etc/new"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_no_route_takes_a_path_outside(
    page: Page, method: str, path: str, body: dict[str, object]
) -> None:
    status, error = page.refused(method, path, json=body)
    assert (status, error["kind"]) == (403, "outside")
    assert list(page.root.parent.glob("*.yaml")) == []


def test_why_looks_at_no_path_outside(page: Page) -> None:
    assert page.refused("GET", "why", params={"path": "/etc/passwd"})[0] == 403
    assert page.refused("GET", "why", params={"path": "x", "graph": "/etc/x.yaml"})[0] == 403
