"""Calls that overtook each other are let in in the order in which they were made."""

from __future__ import annotations

import asyncio
import threading

import pytest

from flowbackup.errors import ProtocolError
from flowbackup.runtime.edges.turns import AsyncTurns, ThreadTurns


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


def test_work_that_takes_longer_than_a_turn_may_be_late_is_waited_for() -> None:
    async def run() -> list[int]:
        turns, entered = AsyncTurns(seconds_max=0.001), []
        working, done = asyncio.Event(), asyncio.Event()

        async def slow() -> None:
            async with turns.take(0):
                working.set()
                await done.wait()
                entered.append(0)

        async def behind() -> None:
            await working.wait()
            async with turns.take(1):
                entered.append(1)

        calls = asyncio.gather(slow(), behind())
        await working.wait()
        for _ in range(20):
            await asyncio.sleep(0.001)
        done.set()
        await calls
        return entered

    assert asyncio.run(run()) == [0, 1]


def test_a_thread_waits_for_a_slow_device_in_front_of_it() -> None:
    turns, entered = ThreadTurns(seconds_max=0.001), []
    waiting = threading.Event()

    def behind() -> None:
        waiting.set()
        with turns.take(1):
            entered.append(1)

    thread = threading.Thread(target=behind)
    with turns.take(0):
        thread.start()
        waiting.wait()
        thread.join(0.02)
        assert thread.is_alive()
    thread.join(60)
    assert entered == [1]


def test_a_call_that_never_comes_is_not_waited_for_for_ever() -> None:
    turns = ThreadTurns(seconds_max=0.001)
    with pytest.raises(ProtocolError, match="call 1 waits for call 0"), turns.take(1):
        pass


def test_a_call_to_a_buffer_that_never_comes_is_not_waited_for_for_ever() -> None:
    async def run() -> None:
        async with AsyncTurns(seconds_max=0.001).take(1):
            pass

    with pytest.raises(ProtocolError, match="call 1 waits for call 0"):
        asyncio.run(run())
