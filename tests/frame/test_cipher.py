"""What is sealed opens for who has the repository key, and for nobody else; who has the writer key
writes and does not read."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from flowbackup.errors import DamageError, WrongKeyError
from flowbackup.frame.cipher import Cipher, lock_of
from flowbackup.frame.key_ring import KeyRing
from flowbackup.frame.key_slots import (
    SLOTS_BYTES_MAX,
    opened_by_passphrase,
    pack_slots,
    parse_slots,
    wrapped_by_passphrase,
)
from flowbackup.frame.keys import KEY_BYTES, RepositoryKey, WriterKey
from flowbackup.frame.packing import packer
from flowbackup.frame.seal import check_frame, open_frame, seal
from flowbackup.model.chunk import ChunkRef, ChunkSpan
from flowbackup.model.digest import chunk_digest, frame_digest
from flowbackup.model.frame import Codec, FrameHeader, FrameKind
from flowbackup.model.ids import FrameId

SESSION, OBJECT = b"s" * 16, b"o" * 16
KEY, OTHER = RepositoryKey(b"k" * KEY_BYTES), RepositoryKey(b"x" * KEY_BYTES)
SLOTS = pack_slots([wrapped_by_passphrase(KEY, b"open sesame", n=16)])
WRITER = KEY.writer(SLOTS)
TEXT = b"the planted canary sings\n" * 400


def ring(key: RepositoryKey = KEY) -> KeyRing:
    return KeyRing(lambda key_id, slots: key)


def sealed(
    content: bytes = TEXT, *, level: int = 0, writer: WriterKey = WRITER,
    kind: FrameKind = FrameKind.DATA,
) -> tuple[FrameHeader, bytes]:  # fmt: skip
    cipher = Cipher(writer, SESSION)
    memory = memoryview(bytearray(len(content) + 4096))
    memory[: len(content)] = content
    pack = packer(level)
    packed = [pack(memory[: len(content)])] if pack else []
    spans = [ChunkSpan(chunk_digest(content, cipher.name_key), 0, len(content))]
    frame = FrameId(SESSION, 3, 7)
    header = seal(memory, spans, frame, kind, OBJECT, len(content), packed, cipher)
    return header, bytes(memory[: header.payload_bytes])


def signed(header: FrameHeader, payload: bytes) -> FrameHeader:
    """With the digest that anybody can make."""
    return header._replace(digest=frame_digest(payload), payload_bytes=len(payload))


@pytest.mark.parametrize("level", [0, 3])
def test_it_comes_back_for_the_key_and_shows_nothing_before(level: int) -> None:
    header, payload = sealed(level=level)
    assert header.codec == Codec.SEALED | (Codec.ZSTD if level else 0)
    opened = open_frame(header, payload, ring())
    assert bytes(opened.content) == TEXT
    (span,) = opened.spans()
    ref = ChunkRef(span.digest, span.size, header.frame_id, span.offset)
    assert bytes(opened.held().chunk(ref)) == TEXT
    assert b"canary" not in payload and span.digest not in payload
    assert chunk_digest(TEXT) not in (span.digest, payload[:32])
    assert bytes(check_frame(header, payload)) == payload


def test_who_has_no_key_or_another_one_reads_nothing() -> None:
    header, payload = sealed()
    with pytest.raises(WrongKeyError) as caught:
        open_frame(header, payload)
    assert caught.value.exit_code == 12
    with pytest.raises(DamageError, match="was opened for"):
        open_frame(header, payload, ring(OTHER))


def test_a_flipped_bit_is_found_by_the_digest_and_under_a_new_digest_by_the_tag() -> None:
    header, payload = sealed(TEXT[:60])
    keys = ring()
    for place in range(len(payload) * 8):
        broken = bytearray(payload)
        broken[place // 8] ^= 1 << place % 8
        with pytest.raises(DamageError, match="does not match its digest"):
            open_frame(header, bytes(broken), keys)
        lock = lock_of(memoryview(payload))
        if lock.sealed_bytes <= place // 8 < lock.sealed_bytes + len(lock.slots):
            continue  # The wrapped key harms nobody who has it already.
        with pytest.raises(DamageError):
            open_frame(signed(header, bytes(broken)), bytes(broken), keys)


@pytest.mark.parametrize(
    "change",
    [
        {"session": b"t" * 16},
        {"stream": 4},
        {"sequence": 8},
        {"kind": 2},
        {"object_id": b"p" * 16},
        {"content_bytes": len(TEXT) - 1},
        {"chunk_count": 0},
        {"codec": 3},
    ],
)
def test_a_frame_cannot_be_passed_off_as_another(change: dict[str, object]) -> None:
    header, payload = sealed()
    with pytest.raises(DamageError):
        open_frame(header._replace(**change), payload, ring())  # type: ignore[arg-type]


def test_the_record_of_an_object_is_a_frame_of_each_of_its_chains() -> None:
    header, payload = sealed(kind=FrameKind.CATALOG)
    assert open_frame(header._replace(stream=9, sequence=1), payload, ring()).content == TEXT
    with pytest.raises(DamageError, match="anybody who has its key"):
        open_frame(header._replace(object_id=b"p" * 16), payload, ring())


def test_no_nonce_comes_twice_under_a_key_and_no_key_twice() -> None:
    cipher = Cipher(WRITER, SESSION)
    seen = set()
    for _ in range(50):
        memory = memoryview(bytearray(4096))
        header = seal(memory, (), FrameId(SESSION, 0, 0), FrameKind.CATALOG, OBJECT, 9, (), cipher)
        lock = lock_of(memory[: header.payload_bytes])
        seen.add((lock.share, lock.nonce))
    assert len(seen) == 50
    assert len({share for share, _ in seen}) == 1
    shares = {lock_of(memoryview(sealed()[1])).share for _ in range(5)}
    assert len(shares) == 5


def test_a_writer_opens_nothing_that_it_or_another_has_sealed() -> None:
    header, payload = sealed()
    lock = lock_of(memoryview(payload))
    # All that a writer has: the public half, the secret of writers, and what stands in the frame.
    guesses = (WRITER.secret, WRITER.public, WRITER.name_key)
    for guess in guesses:
        with pytest.raises(DamageError):
            open_frame(header, payload, ring(RepositoryKey(guess)))
    assert WRITER.secret not in payload and KEY.secret not in payload
    assert lock.key_id == WRITER.key_id == KEY.key_id


def test_the_public_half_alone_makes_no_frame_that_opens() -> None:
    """It stands on nobody's forehead, but whoever could derive it must not be able to forge."""
    forger = replace(WRITER, secret=b"f" * KEY_BYTES)
    header, payload = sealed(writer=forger)
    with pytest.raises(DamageError, match="anybody who has its key"):
        open_frame(header, payload, ring())


def test_what_is_behind_the_ciphertext_is_held_against_limits() -> None:
    header, payload = sealed()
    for size in (len(payload), 2**32 - 1, SLOTS_BYTES_MAX + 1):
        forged = payload[:-4] + size.to_bytes(4, "little")
        with pytest.raises(DamageError, match="bytes of keys"):
            open_frame(signed(header, forged), forged, ring())
    for short in (b"", payload[-64:], payload[-70:]):
        with pytest.raises(DamageError):
            open_frame(signed(header, short), short, ring())


def test_a_passphrase_opens_its_slot_and_no_other() -> None:
    more = [*parse_slots(SLOTS), wrapped_by_passphrase(KEY, b"second", n=16)]
    for passphrase in (b"open sesame", b"second"):
        assert opened_by_passphrase(more, passphrase, KEY.key_id) == KEY
    assert opened_by_passphrase(more, b"third", KEY.key_id) is None
    assert opened_by_passphrase(more, b"second", OTHER.key_id) is None


@pytest.mark.parametrize(
    "change",
    [
        {"n": 1 << 40},
        {"n": (1 << 20) + 1},
        {"n": 3},
        {"n": -16},
        {"n": "16"},
        {"n": True},
        {"r": 1 << 20},
        {"p": 1 << 20},
        {"salt": 7},
        {"salt": "?"},
        {"wrapped": None},
        {"wrapped": "AAAA"},
        {"kind": "rot13"},
    ],
)
def test_slots_of_bad_intent_cost_nothing_and_open_nothing(change: dict[str, object]) -> None:
    (slot,) = parse_slots(SLOTS)
    assert opened_by_passphrase([{**slot, **change}], b"open sesame", KEY.key_id) is None


@pytest.mark.parametrize(
    "data", [b"", b"{", b"7", b"[7]", b"[" * 3000, b'{"kind": "scrypt"}', b"\xff" * 9]
)
def test_what_is_no_list_of_slots_is_none(data: bytes) -> None:
    assert parse_slots(data) == []


def test_as_many_slots_as_every_frame_has_room_for() -> None:
    slots = [*parse_slots(SLOTS)] * 30
    with pytest.raises(ValueError, match="30 ways"):
        pack_slots(slots)


def test_slots_on_media_name_nobody() -> None:
    (slot,) = parse_slots(SLOTS)
    assert pack_slots([{**slot, "name": "laptop", "recipient": "age1xyz"}]) == SLOTS


def test_a_refusal_is_final_and_asked_for_once() -> None:
    asked = []

    def refuse(key_id: bytes, slots: object) -> RepositoryKey:
        asked.append(key_id)
        raise WrongKeyError("no")

    keys = KeyRing(refuse)
    header, payload = sealed()
    for _ in range(3):
        with pytest.raises(WrongKeyError):
            open_frame(header, payload, keys)
    assert asked == [KEY.key_id]


@pytest.mark.parametrize("level", [0, 3])
def test_what_does_not_fit_with_its_keys_is_refused(level: int) -> None:
    cipher = Cipher(WRITER, SESSION)
    content = Random(1).randbytes(1000)
    memory = memoryview(bytearray(1000 + cipher.more_bytes - 1))
    memory[:1000] = content
    with pytest.raises(ValueError, match="over the slot"):
        seal(memory, (), FrameId(SESSION, 0, 0), FrameKind.DATA, OBJECT, 1000, (), cipher)
    assert bytes(memory[:1000]) == content
