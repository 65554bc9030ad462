"""Hooks and notices as they are written: what they mean, and every fault with its place."""

from __future__ import annotations

import pytest

from flowbackup.errors import GraphError
from flowbackup.spec import GraphBuilder, document_of, dump_graph, parse_graph

GOOD = """\
graph: nightly
clients:
  web:
    objects:
      site:
        path: /srv/www
        hooks:
          - {when: before, run: [sync]}
devices: {nas: {path: /mnt/nas}}
backup_groups: {primary: {devices: [nas]}}
hooks:
  - {when: before, run: [mount, /mnt/nas]}
  - {when: after, shell: "umount /mnt/nas"}
  - {when: before, run: [watch], background: true, timeout: 5 min}
notices:
  - {url: "https://example.org/secret/{outcome}"}
  - {url_env: NOTICE_URL, style: healthchecks, when: [start, failed]}
  - {url_file: notice.url}
"""
FAULTS = [
    ("when: before, run: [sync]", "run: [sync]", "8:13",
     'hook 1 of object "site" of client "web"'),
    ("run: [sync]", "rnu: [sync]", "8:28", 'Did you mean "run"?'),
    ("run: [sync]", "run: sync", "8:28", 'of client "web": "run" is a text'),
    ("when: after,", "when: behind,", "13:6", '"before", "after", "success"'),
    ("run: [mount, /mnt/nas]", "run: []", "12:20", '"run" is empty'),
    (", run: [mount, /mnt/nas]", "", "12:5", "hook 1 has nothing to run"),
    ("run: [watch]", 'run: [watch], shell: "x"', "14:5", "hook 3 has both run and shell"),
    ("true, timeout", "true, on_error: fail, timeout", "14:5", "nothing can fail with it"),
    ("timeout: 5 min", "timeout: 0", "14:5", "hook 3 has no time to run"),
    ("timeout: 5 min", "timeout: soon", "14:52", "no duration"),
    ("run: [watch]", "on_error: abort", "14:20", '"fail" or "ignore"'),
    ("url_env: NOTICE_URL, ", "", "17:5", "notice 2 has no address"),
    ("url_env: NOTICE_URL", "url_env: NOTICE-URL", "17:6", "no name of a variable"),
    ("url_file: notice.url", "url_file: x, url_env: X", "18:5", "more than one of url, url_env"),
    ("[start, failed]", "[begin]", "17:55", '"start", "success", "incomplete" or "failed"'),
    ("[start, failed]", "[]", "17:5", "notice 2 has nothing to tell of"),
    ("style: health", "style: dead", "17:27", '"plain" or "healthchecks"'),
    ("https://", "ftp://", "16:6", "no address of the web"),
    ("https://example", "https://me:secret@example", "16:6", "a name or password in it"),
    ("https://example.org", "https://example.org:port", "16:6", "no address of the web"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "place", "words"), FAULTS)
def test_a_fault_has_place_and_reason(old: str, new: str, place: str, words: str) -> None:
    assert old in GOOD
    with pytest.raises(GraphError) as caught:
        parse_graph(GOOD.replace(old, new, 1), "x.yaml")
    (found,) = caught.value.findings
    assert found.startswith(f"x.yaml:{place} ") and words in found
    assert "secret" not in found, "what an address holds is shown to nobody"


def test_what_is_not_written_depends_on_the_moment() -> None:
    spec = parse_graph(GOOD).spec
    assert [hook.fails for hook in spec.hooks] == [True, False, False]
    assert spec.hooks[1].words == ("/bin/sh", "-c", "umount /mnt/nas")
    assert [hook.timeout for hook in spec.hooks] == [3600, 3600, 300]
    assert spec.notices[0].when == ("start", "success", "incomplete", "failed")


def test_the_builder_says_what_a_file_says_and_back() -> None:
    g = GraphBuilder("nightly")
    hook = {"when": "before", "run": ["sync"]}
    g.client("web").object("site", path="/srv/www", hooks=[hook])
    g.backup_group("primary", devices=["/mnt/nas"])
    g.hook("before", run=["mount", "/mnt/nas"])
    g.hook("after", shell="umount /mnt/nas")
    g.hook("before", run=["watch"], background=True, timeout="5 min")
    g.notice(url="https://example.org/secret/{outcome}")
    g.notice(url_env="NOTICE_URL", style="healthchecks", when=["start", "failed"])
    g.notice(url_file="notice.url")
    spec = g.spec()
    assert spec == parse_graph(GOOD).spec
    assert document_of(spec).spec == spec == parse_graph(dump_graph(spec)).spec


def test_an_empty_section_is_none() -> None:
    spec = parse_graph("graph: g\nhooks:\nnotices:\n").spec
    assert (spec.hooks, spec.notices) == ((), ())
