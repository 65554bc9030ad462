"""What was ticked is what is restored, whatever it is called."""

from __future__ import annotations

import os
import warnings

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowbackup.model.pattern import path_matcher
from flowbackup.ui.ticked import exact_pattern, exclude_words, include_words

NAMES = st.binary(min_size=1, max_size=6).filter(lambda name: not set(name) & {0, 0x2F})
STRANGE = st.text("ab*?[]!^-\\.", min_size=1, max_size=6).map(str.encode)
PATHS = st.lists(NAMES | STRANGE, min_size=1, max_size=3).map(b"/".join)


@given(PATHS, PATHS)
@example(b"etc", b"usr/etc")
@example(b"a*", b"ab")
@example(b"]", b"]")
@example(b"!x", b"ax")
@example(b"[ab]", b"a")
def test_a_pattern_matches_its_path_and_no_other(path: bytes, other: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        matches = path_matcher([exact_pattern(path)])
    assert matches(path)
    assert matches(other) is (other == path)
    assert not matches(b"x/" + path) and not matches(path + b"/x") and not matches(path + b"x")


@pytest.mark.parametrize("paths", [[], [""], ["a", ""], ["/"]])
def test_the_root_means_everything(paths: list[str]) -> None:
    assert include_words(paths) == []


def test_words_are_one_argument_each() -> None:
    name = os.fsdecode(b"-x\xff y")
    (word,) = include_words([f"a/{name}"])
    assert os.fsencode(word) == b"--include=a/-x\xff y"


def test_what_was_taken_out_again_is_excluded_and_the_root_never() -> None:
    assert exclude_words(["", "etc/ssl", "a"]) == ["--exclude=etc/ssl", "--exclude=[/a]"]
