"""Calls that overtook each other are let in in the order in which they were made."""

from __future__ import annotations

import asyncio
import threading

import pytest

from flowbackup.errors import ProtocolError
from flowbackup.runtime.turns import AsyncTurns, ThreadTurns


def test_coroutines_enter_by_number_whatever_order_they_come_in() -> None:
    async def run() -> list[int]:
        turns, entered = AsyncTurns(), []

        async def call(number: int) -> None:
            async with turns.take(number):
                await asyncio.sleep(0)
                entered.append(number)

        await asyncio.gather(*(call(number) for number in (2, 0, 3, 1)))
        return entered

    assert asyncio.run(run()) == [0, 1, 2, 3]


def test_threads_enter_by_number_whatever_order_they_come_in() -> None:
    turns, entered = ThreadTurns(), []

    def call(number: int) -> None:
        with turns.take(number):
            entered.append(number)

    threads = [threading.Thread(target=call, args=(number,)) for number in (1, 2, 0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert entered == [0, 1, 2]


def test_a_failed_call_does_not_hold_up_the_next() -> None:
    turns = ThreadTurns()
    with pytest.raises(OSError, match="disk"), turns.take(0):
        raise OSError("disk")
    with turns.take(1):
        pass


def test_a_turn_is_taken_once() -> None:
    turns = ThreadTurns()
    with turns.take(0):
        pass
    with pytest.raises(ProtocolError, match="twice"), turns.take(0):
        pass
