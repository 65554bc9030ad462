"""What every Source of a package must do, as a suite: subclass it in a test module and say which.

    class TestMailSource(SourceConformance):
        kind = "mail"
        options = {"folder": "INBOX"}
        wrong_options = ({"folder": 7}, {"foldr": "INBOX"})

        def expected(self) -> bytes:
            return b"From: ..."

The source is found as a session finds it, by its entry point; so the package has to be installed.
`wrong_options` are refused with a ValueError, in words for the user.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from types import MappingProxyType

import pytest

from flowbackup.errors import SourceError
from flowbackup.source.fed import open_source
from flowbackup.source.own import own_source
from flowbackup.source.port import Source
from flowbackup.source.stream import StreamLimits

Options = Mapping[str, str | int | float | bool]
VIEW_BYTES = (1, 777, 65_536, 1 << 20)
"""Slots are asked to be filled in steps that no piece has."""


class SourceConformance:
    """The suite.  Names of tests say what is demanded."""

    kind = ""
    options: Options = MappingProxyType({})
    wrong_options: Sequence[Options] = ()
    silent_seconds_max = 60.0

    def expected(self) -> bytes:
        """What it gives, now and on each reading: put what it reads in place before."""
        raise NotImplementedError

    def make(self) -> Source:
        return own_source(self.kind, self.options)

    def test_it_is_there_and_says_so_again_and_again(self) -> None:
        source = self.make()
        assert [source.absence(), source.absence()] == ["", ""]

    def test_its_pieces_are_all_of_it_each_time(self) -> None:
        source, expected = self.make(), self.expected()
        for _ in range(2):
            # Each piece is looked at before the next one is asked for, and not any more then.
            assert b"".join(bytes(piece) for piece in source.pieces()) == expected
        assert b"".join(bytes(piece) for piece in self.make().pieces()) == expected

    def test_two_that_are_read_at_once_do_not_disturb_each_other(self) -> None:
        expected = self.expected()
        got: list[bytes] = []
        source = self.make()

        def read() -> None:
            got.append(b"".join(bytes(piece) for piece in source.pieces()))

        threads = [threading.Thread(target=read) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(self.silent_seconds_max)
        assert got == [expected, expected]

    def test_one_that_is_closed_before_its_end_begins_anew(self) -> None:
        source = self.make()
        with closing(source.pieces()) as pieces:
            next(pieces, None)
        assert b"".join(bytes(piece) for piece in source.pieces()) == self.expected()

    @pytest.mark.parametrize("size", VIEW_BYTES)
    def test_a_session_reads_what_it_gives(self, size: int) -> None:
        limits = StreamLimits(self.silent_seconds_max)
        expected = self.expected()
        got = bytearray()
        with open_source(self.make(), self.kind, limits) as stream:
            view = memoryview(bytearray(size))
            while count := stream.fill(view):
                got += view[:count]
                if size == 1 and len(got) >= 1000:
                    break
        assert got == expected[: len(got) if size == 1 else None]

    def test_wrong_options_are_refused(self) -> None:
        for options in self.wrong_options:
            with pytest.raises(SourceError, match="correct its options"):
                own_source(self.kind, options)
