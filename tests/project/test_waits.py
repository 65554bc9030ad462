"""Every wait has a bound: calls that wait without one are found by their form, and each that is
there has a reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2] / "flowbackup"

FILES = "media/segments/record_file.py"
CALL = "for one call of the system after the other; whoever needs this process has a bound"
MEMORY = "for a thread of this process that only reads memory"
OWN = "is no wait of the library's: Entrance has a bound of its own"
CLOSED = "for somebody to come: closing the socket ends it"
REASONS = {
    "catalog/search.py hits_in": MEMORY,
    **{f"{FILES} {n}": CALL for n in ("_wait_oldest", "sync", "seal", "cut", "cut_back", "close")},
    "media/segments/segment.py _wait": CALL,
    "media/segments/segment_source.py _take_ahead": CALL,
    "restore/large.py fill": CALL,
    "restore/sync.py _wait": CALL,
    "runtime/actors/landing.py free": "for a slot: the session looks for edges that stand still",
    "runtime/backup/session.py wait_for_devices": OWN,
    "runtime/control/channel.py _listen": CLOSED,
    "runtime/crew/changes.py attach": OWN,
    "runtime/crew/entrance.py try_again": OWN,
    "runtime/crew/opening.py _let_in": OWN,
    "runtime/edges/direct.py _accept": CLOSED,
    "runtime/engines/host.py wait_end": "in a process that ends with the Ray that it is part of",
    "runtime/engines/host.py wait_taken": "for a command: it ends with the Ray that it is part of",
    "runtime/engines/thread_actor.py _live": "for calls: `end` ends it",
    "source/hashing.py _work": "for work: `close` ends it",
    "source/hashing.py close": MEMORY,
    "source/hashing.py drain": MEMORY,
    "ui/contents.py _pieces": "for a thread that has closed its end, and has nothing more to do",
    "ui/keeper.py keep": "for the command that it keeps, in a process that is there for it",
}
WAITING = {"wait", "join", "acquire", "result", "get", "recv", "accept"}
"""Without an argument they have no bound; `join` of a text and `get` of a mapping have one."""
TIMED = {"get", "wait"}


def endless_waits(text: str) -> Iterator[tuple[str, str]]:
    """Function and call of each wait that no bound is given for."""
    for function in ast.walk(ast.parse(text)):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and _is_endless(node):
                    yield function.name, ast.unparse(node.func)


def _is_endless(call: ast.Call) -> bool:
    function = call.func
    if not isinstance(function, ast.Attribute):
        return False
    if isinstance(function.value, ast.Name) and function.value.id == "ray":
        return function.attr in TIMED and "timeout" not in {word.arg for word in call.keywords}
    return function.attr in WAITING and not call.args and not call.keywords


def test_every_wait_of_the_code_has_a_bound_or_a_reason() -> None:
    found = {
        f"{path.relative_to(ROOT)} {function}": call
        for path in sorted(ROOT.rglob("*.py"))
        for function, call in endless_waits(path.read_text())
    }
    assert {place: call for place, call in found.items() if place not in REASONS} == {}
    assert set(REASONS) <= set(found), "a reason whose wait is gone"


def test_endless_waits_are_seen() -> None:
    text = """
def bad(ray, refs, future, lock, text):
    ray.get(refs)
    ray.wait(refs, num_returns=1)
    future.result()
    lock.acquire()
def good(ray, refs, future, lock, text):
    ray.get(refs, timeout=3)
    future.result(1)
    lock.acquire(timeout=1)
    ", ".join(text)
"""
    found = list(endless_waits(text))
    assert found == [
        ("bad", "ray.get"), ("bad", "ray.wait"), ("bad", "future.result"), ("bad", "lock.acquire"),
    ]  # fmt: skip
