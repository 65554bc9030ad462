"""Notices by HTTP, to a server on loopback: they arrive, or do no harm, and show no secret."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from flowbackup.model.hook import Notice
from flowbackup.monitor import Problem
from flowbackup.runtime.hooks import notices
from flowbackup.runtime.hooks.notices import BODY_BYTES_MAX, Notices, address_of, body_of
from flowbackup.runtime.hooks.post import PostError, post
from tests.runtime.listening import listening

EVENTS = ("start", "success", "incomplete", "failed")


def notice(url: str = "", *, variable: str = "", file: str = "", style: str = "plain") -> Notice:
    return Notice(1, url, variable, file, style, EVENTS)


def send(*told: Notice, event: str = "failed", **fields: object) -> list[Problem]:
    sending = Notices(told, lambda: False)
    sending.send(event, fields)
    return sending.settle()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "PAUSE_SECONDS", (0.01, 0.01))


def test_what_is_told_arrives() -> None:
    with listening() as server:
        told = [
            notice(f"{server.url}/{{outcome}}"),
            notice(f"{server.url}/x", style="healthchecks"),
        ]
        assert send(*told, outcome="failed", exit_code=4) == []
        assert send(*told, event="success") == []
    assert sorted(server.paths) == ["/failed", "/success", "/x", "/x/fail"]
    assert ("/failed", {"outcome": "failed", "exit_code": 4}) in server.told


def test_a_server_in_trouble_is_asked_again_and_one_that_refuses_is_not() -> None:
    with listening(busy=[503, 429], down=[500] * 9, gone=[404]) as server:
        assert send(notice(f"{server.url}/busy")) == []
        assert server.paths == ["/busy"] * 3
        (problem,) = send(notice(f"{server.url}/down"))
        assert (problem.kind, server.paths.count("/down")) == ("notice_failed", 3)
        assert problem.text.endswith("answers 500")
        (problem,) = send(notice(f"{server.url}/gone"))
        assert problem.text.endswith("answers 404") and server.paths.count("/gone") == 1


def test_it_goes_to_no_other_host() -> None:
    with listening() as other, listening() as server:
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        server.answers["/away"] = [f"{elsewhere}/secret"]
        server.answers["/here"] = [f"{server.url}/there"]
        (problem,) = send(notice(f"{server.url}/away"))
        assert problem.text.endswith("sends to another host, which is not asked")
        assert send(notice(f"{server.url}/here")) == []
        assert (other.paths, server.paths[-1]) == ([], "/there")


@pytest.mark.parametrize("event", ["start", "failed"])
def test_no_problem_shows_more_than_the_host(event: str, tmp_path: Path) -> None:
    with listening(
        **{"secret-path": [404, 404], "r": ["http://other.invalid/secret-path"]}
    ) as server:
        closed = "http://127.0.0.1:1/secret-path?secret-query"
        (tmp_path / "url").write_text(closed + "\n")
        (tmp_path / "wrong").write_text("ftp://me:secret-word@example.org/secret-path")
        told = [
            notice(f"{server.url}/secret-path?secret-query"), notice(closed),
            notice(f"{server.url}/r"), notice(file=str(tmp_path / "url")),
            notice(file=str(tmp_path / "wrong")), notice(file=str(tmp_path / "nowhere")),
            notice("http://name.invalid/secret-path"), notice(variable="NO_SUCH_VARIABLE"),
        ]  # fmt: skip
        for one in told:
            (problem,) = send(one, event=event)
            assert "secret" not in problem.text, problem.text


def test_an_address_may_stand_in_a_variable_or_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "url").write_text("https://example.org/of-the-file?x=1\n")
    monkeypatch.setenv("NOTICE_URL", "https://example.org/of-the-variable")
    file = notice(file=str(tmp_path / "url"), style="healthchecks")
    assert address_of(file, "start") == "https://example.org/of-the-file/start?x=1"
    assert address_of(notice(variable="NOTICE_URL"), "start").endswith("/of-the-variable")
    assert "example" not in f"{file} {notice(variable='NOTICE_URL')}"


def test_who_does_not_answer_is_waited_for_as_long_as_the_user_waits() -> None:
    over, tried = threading.Event(), threading.Event()

    def hang(url: str, body: bytes) -> None:
        tried.set()
        over.wait(30)

    sending = Notices([notice("https://example.org/secret")], tried.is_set, hang)
    sending.send("failed", {})
    (problem,) = sending.settle()
    over.set()
    assert problem.text == "notice 1 (example.org) of failed: it was not waited for any longer"


def test_an_answer_has_a_bound() -> None:
    with listening() as server:
        server.speaks.clear()
        with pytest.raises(PostError, match=r"^127") as caught:
            post(f"{server.url}/secret", b"{}", seconds_max=0.1)
        server.speaks.set()
        assert "secret" not in str(caught.value) and caught.value.may_retry


@pytest.mark.parametrize(
    "fields",
    [
        {"outcome": "failed", "problems": [{"text": "x" * 100} for _ in range(9999)]},
        {"outcome": "failed", "stages": [{"problems": [{"text": "x" * 9999}] * 99}] * 99},
    ],
)
def test_a_long_report_is_shortened(fields: dict[str, object]) -> None:
    body = body_of(fields)
    assert len(body) < BODY_BYTES_MAX
    told = json.loads(body)
    assert (told["outcome"], told["is_shortened"]) == ("failed", True)


def test_a_short_report_is_told_as_it_is() -> None:
    assert json.loads(body_of({"outcome": "success"})) == {"outcome": "success"}
