"""Where content is cut, as it is written: what it means, and every fault with its place."""

from __future__ import annotations

import pytest

from flowbackup.errors import GraphError
from flowbackup.model.chunking import FIXED, Chunking, ChunkingKind
from flowbackup.plan import make_plan
from flowbackup.spec import GraphBuilder, document_of, dump_graph, parse_graph
from flowbackup.units import KIB, MIB

GRAPH = """\
graph: nightly
frame_size: {frame}
sync_size: 1 MiB
clients: {{web: {{objects: {{site: {{path: /srv/www{written}}}}}}}}}
devices: {{nas: {{path: /mnt/nas}}}}
backup_groups: {{primary: {{devices: [nas]}}}}
"""


def text(written: str, frame: str = "16 MiB") -> str:
    return GRAPH.format(frame=frame, written=f", chunking: {written}" if written else "")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("", FIXED),
        ("{kind: fixed}", FIXED),
        ("{size: 4 MiB}", Chunking(size_bytes=4 * MIB)),
        ("{kind: fastcdc}", Chunking(ChunkingKind.FASTCDC, MIB, 256 * KIB, 4 * MIB)),
        (
            "{kind: fastcdc, size: 64 KiB, min: 2 KiB, max: 1 MiB}",
            Chunking(ChunkingKind.FASTCDC, 64 * KIB, 2 * KIB, MIB),
        ),
        ("{kind: fastcdc, size: 4 MiB}", Chunking(ChunkingKind.FASTCDC, 4 * MIB, MIB, 16 * MIB)),
    ],
)
def test_what_is_written_is_planned_and_written_back(written: str, meant: Chunking) -> None:
    document = parse_graph(text(written))
    assert make_plan(document).objects[0].chunking == meant
    again = parse_graph(dump_graph(document.spec))
    assert again.spec == document.spec
    assert Chunking.from_json(meant.to_json()) == meant


FAULTS = [
    ("{kind: rabin}", '"fixed" or "fastcdc"'),
    ("{size: 1 KiB}", "has chunks of size 1 KiB"),
    ("{min: 64 KiB}", "Write kind: fastcdc"),
    ("{kind: fastcdc, size: 8 MiB}", "Write 64 KiB to 4 MiB"),
    ("{kind: fastcdc, max: 32 MiB}", "has chunks of max 32 MiB"),
    ("{kind: fastcdc, min: 512 B}", "has chunks of min 512 B"),
    ("{kind: fastcdc, size: 128 KiB, min: 128 KiB}", "sizes that do not rise"),
    ("{kind: fastcdc, size: 128 KiB, max: 128 KiB}", "sizes that do not rise"),
    ("{kind: fastcdc, average: 1 MiB}", "average"),
]


@pytest.mark.parametrize(("written", "told"), FAULTS)
def test_faults_are_told_with_their_place(written: str, told: str) -> None:
    with pytest.raises(GraphError) as caught:
        parse_graph(text(written))
    assert told in str(caught.value)
    assert "object" in str(caught.value)


def test_a_frame_holds_the_largest_chunk() -> None:
    with pytest.raises(GraphError, match="chunks of up to 4 MiB, and a frame has 2 MiB"):
        make_plan(parse_graph(text("{kind: fastcdc}", frame="2 MiB")))
    # Those of one size are as large as they can be.
    plan = make_plan(parse_graph(text("", frame="512 KiB")))
    assert plan.objects[0].chunking == Chunking(size_bytes=512 * KIB)


def test_in_python_it_is_written_as_in_yaml() -> None:
    graph = GraphBuilder("nightly")
    graph.client("web").object("site", path="/srv/www", chunking={"kind": "fastcdc"})
    graph.backup_group("primary", devices=["/mnt/nas"])
    (item,) = document_of(graph.spec()).spec.clients["web"].objects.values()
    assert item.chunking.decided == Chunking(ChunkingKind.FASTCDC, MIB, 256 * KIB, 4 * MIB)
