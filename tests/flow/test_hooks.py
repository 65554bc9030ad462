"""Which hooks run when, and what becomes of an outcome."""

from __future__ import annotations

import pytest

from flowbackup.flow.hooks import end_with_hooks, healthchecks_path, hooks_at, notices_of
from flowbackup.model.hook import Hook, Notice, When, host_of, is_address
from flowbackup.model.report import Outcome

SUCCESS, INCOMPLETE, FAILED = Outcome.SUCCESS, Outcome.INCOMPLETE, Outcome.FAILED


def test_hooks_of_a_moment_keep_their_order() -> None:
    moments = [When.AFTER, When.BEFORE, When.FAILED, When.BEFORE]
    hooks = [Hook(number, when, ("x",), False) for number, when in enumerate(moments, 1)]
    assert [hook.number for hook in hooks_at(hooks, When.BEFORE)] == [2, 4]
    assert hooks_at(hooks, When.SUCCESS) == []
    assert {When(outcome.value) for outcome in Outcome} < set(When), "each outcome is a moment"


@pytest.mark.parametrize(
    ("outcome", "exit_code", "then"),
    [
        (SUCCESS, 0, (FAILED, 1)),
        (INCOMPLETE, 3, (FAILED, 1)),
        (INCOMPLETE, 4, (FAILED, 1)),
        (INCOMPLETE, 130, (FAILED, 130)),
        (FAILED, 130, (FAILED, 130)),
        (FAILED, 11, (FAILED, 11)),
    ],
)
def test_a_hook_that_must_not_fail_makes_it_failed(
    outcome: Outcome, exit_code: int, then: tuple[Outcome, int]
) -> None:
    assert end_with_hooks(outcome, exit_code, failed=True) == then
    assert end_with_hooks(outcome, exit_code, failed=False) == (outcome, exit_code)


def test_a_notice_tells_of_its_events_only() -> None:
    notices = [
        Notice(1, "https://a", "", "", "plain", ("start", "failed")),
        Notice(2, "https://b", "", "", "plain", ("success",)),
    ]
    assert [notice.number for notice in notices_of(notices, "failed")] == [1]
    assert [notice.number for notice in notices_of(notices, "success")] == [2]


def test_paths_of_a_check() -> None:
    events = ("start", "success", "incomplete", "failed")
    assert [healthchecks_path("/id/", event) for event in events] == [
        "/id/start", "/id", "/id/fail", "/id/fail",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://example.org/x?y=z", True),
        ("http://[::1]:8080", True),
        ("http://127.0.0.1:8000/{outcome}", True),
        ("file:///etc/passwd", False),
        ("https://user:word@example.org", False),
        ("https:///x", False),
        ("https://example.org:99999/", False),
        ("https://example.org:word/", False),
        ("https://example.org/a b", False),
        ("https://example.org/a\r\nX: y", False),
        ("https://ex\u00e4mple.org/", False),
        ("https://example.org/" + "x" * 2048, False),
        ("", False),
    ],
)
def test_addresses(url: str, good: bool) -> None:
    assert is_address(url) is good


@pytest.mark.parametrize(
    ("url", "shown"),
    [("https://a.org:81/secret?token", "a.org:81"), ("https://u:secret@a.org/", "?"), ("", "?")],
)
def test_no_more_than_the_host_is_shown(url: str, shown: str) -> None:
    assert host_of(url) == shown
