"""A process that changes names of a target as fast as it can, while a restore writes there.

    python attacker.py TARGET ATTACK COUNTER

Names of the target, and whatever is made under a temporary name, change places with links in
ATTACK that lead to the guarded tree beside it, or with further names of a guarded file, and change
back (renameat2, EXCHANGE).  COUNTER is a file of eight bytes: the exchanges so far.  Ends when
ATTACK is gone, and needs nothing but the standard library.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys

EXCHANGE = 2
_RENAMEAT2 = ctypes.CDLL(None, use_errno=True).renameat2
_HERE = -100

NAMES = ("d0", "d1", "d0/f0", "d1/f1", "d0/d2", "d0/fifo", "d1/link")
"""Below the target and below the guarded tree."""


def exchange(one: str, other: str) -> bool:
    return not _RENAMEAT2(_HERE, os.fsencode(one), _HERE, os.fsencode(other), EXCHANGE)


def renew(place: str, target: str, *, hard: bool) -> None:
    """The bait, if a restore has taken it away or put something else there."""
    if hard or not os.path.islink(place):
        if os.path.lexists(place):
            os.rename(place, f"{place}.{os.urandom(6).hex()}")
        (os.link if hard else os.symlink)(target, place)


def temporary_names(target: str) -> list[str]:
    found = []
    for folder in ("", "d0", "d1"):
        try:
            names = os.listdir(os.path.join(target, folder))
        except OSError:
            continue
        found += [os.path.join(folder, n) for n in names if n.startswith(".flowbackup-")]
    return found


def attack(target: str, attack_place: str, counter: mmap.mmap) -> None:
    outside = os.path.join(os.path.dirname(target), "outside")
    done = turn = 0
    while os.path.isdir(attack_place):
        turn += 1
        name = NAMES[turn % len(NAMES)]
        bait = os.path.join(attack_place, name.replace("/", "-"))
        hard = False
        if turn % 5 == 0:
            for found in temporary_names(target)[:1]:
                name, hard = found, turn % 2 == 0
                bait = os.path.join(attack_place, "temporary")
        to = os.path.join(outside, "linked" if hard else name if name in NAMES else "d0/f0")
        try:
            renew(bait, to, hard=hard)
        except OSError:
            continue
        for _ in range(2):
            if exchange(os.path.join(target, name), bait):
                done += 1
                counter[:8] = done.to_bytes(8, "little")


if __name__ == "__main__":
    with open(sys.argv[3], "r+b") as file:
        attack(sys.argv[1], sys.argv[2], mmap.mmap(file.fileno(), 8))
