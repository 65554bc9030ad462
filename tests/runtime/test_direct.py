"""Frames from slot to slot over TLS: who was admitted gets them, and nobody else gets a byte."""

from __future__ import annotations

import asyncio
import base64
import pickle
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict

import pytest

from flowbackup.errors import PeerLostError, ProtocolError
from flowbackup.model.digest import frame_digest
from flowbackup.model.frame import FrameDescriptor
from flowbackup.plan.decided import Transport
from flowbackup.process import identify
from flowbackup.runtime.edges import direct
from flowbackup.runtime.edges.direct import REQUEST, FramePuller, FrameServer, Place
from flowbackup.runtime.edges.passport import Passport, believe
from flowbackup.runtime.edges.slab import Slab, Slabs, create_slab, slab_path
from flowbackup.runtime.edges.transport import Transports
from flowbackup.runtime.edges.wiring import EdgeSettings
from flowbackup.runtime.engines import ray_nodes
from flowbackup.testing.frames import sample_frame

HOST = "127.0.0.1"
SLOT_BYTES = 3 * direct.PIECE_BYTES // 2 // 4096 * 4096
"""More than is sent at once, and no multiple of it."""
EDGE = EdgeSettings("a -> b", "b", Transport.DIRECT, (0,), 4)
Pullers = Callable[[Passport], FramePuller]


def come_to(server: FrameServer, **wanted: int) -> bool:
    """Do its counts come to this?  The other end may know the end of a connection first."""
    latest = time.monotonic() + 60
    while time.monotonic() < latest:
        told = asdict(server.statistics())
        if told | wanted == told:
            return True
        time.sleep(0.001)
    return False


def made_slab(name: str) -> Iterator[Slab]:
    slab = create_slab(slab_path(f"test-{identify().pid}", name), 4, SLOT_BYTES, identify())
    yield slab
    slab.remove()
    slab.close()


@pytest.fixture
def slab() -> Iterator[Slab]:
    yield from made_slab("sender")


@pytest.fixture
def target() -> Iterator[Slab]:
    yield from made_slab("receiver")


@pytest.fixture
def server(slab: Slab) -> Iterator[FrameServer]:
    slabs = Slabs()
    slabs.add(slab.path, slab)
    server = FrameServer(Passport(), HOST, slabs)
    server.share(slab.path.name)
    yield server
    server.close()


@pytest.fixture
def puller() -> Iterator[Pullers]:
    made: list[FramePuller] = []

    def make(passport: Passport) -> FramePuller:
        made.append(FramePuller(passport))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def admitted(server: FrameServer) -> Passport:
    passport = Passport()
    server.admit(passport.certificate)
    return passport


def lies_in(slab: Slab, slot: int, size_bytes: int) -> FrameDescriptor:
    """A frame in a slot."""
    header, payload = sample_frame(size_bytes, slot)
    slab.slot(slot)[:size_bytes] = payload
    return FrameDescriptor(header, slab.path.name, slot)


def fetched(puller: FramePuller, place: Place, frame: FrameDescriptor) -> bytes:
    memory = bytearray(frame.header.payload_bytes)
    puller.pull(place, frame, memoryview(memory))
    return bytes(memory)


def refused(connection: socket.socket, words: bytes) -> bytes:
    """All that is answered until the other side closes."""
    answer = b""
    with suppress(OSError):
        connection.sendall(words)
        while part := connection.recv(1 << 16):
            answer += part
    return answer


def test_frames_of_all_sizes_come_over_one_connection(
    slab: Slab, server: FrameServer, puller: Pullers, admitted: Passport
) -> None:
    sizes = (1, direct.PIECE_BYTES, direct.PIECE_BYTES + 1, SLOT_BYTES)
    one = puller(admitted)
    for slot, size_bytes in enumerate(sizes):
        frame = lies_in(slab, slot, size_bytes)
        assert frame_digest(fetched(one, server.place, frame)) == frame.header.digest
    assert come_to(server, frames=4, bytes_sent=sum(sizes), connections=1)


def test_who_was_not_admitted_gets_nothing(
    slab: Slab, server: FrameServer, puller: Pullers, admitted: Passport,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(direct, "PAUSE_SECONDS", 0)
    frame = lies_in(slab, 0, 100)
    with pytest.raises(PeerLostError, match="port"):
        fetched(puller(Passport()), server.place, frame)
    assert come_to(server, frames=0, refused=direct.ATTEMPTS_MAX)
    assert fetched(puller(admitted), server.place, frame)


def test_a_certificate_that_tls_believes_but_nobody_admitted_is_not_enough(
    slab: Slab, server: FrameServer, puller: Pullers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "PAUSE_SECONDS", 0)
    other = Passport()
    believe(server._context, other.certificate)
    with pytest.raises(PeerLostError):
        fetched(puller(other), server.place, lies_in(slab, 0, 100))
    assert server.statistics().frames == 0


@pytest.mark.parametrize("is_tls", [True, False], ids=["no certificate", "plain text"])
def test_without_a_passport_nothing_is_answered(
    slab: Slab, server: FrameServer, *, is_tls: bool
) -> None:
    frame = lies_in(slab, 0, 100)
    name = frame.slab.encode()
    words = REQUEST.pack(direct.MARK, len(name), 0, 100) + name
    with socket.create_connection(server.place[:2], timeout=60) as raw:
        if is_tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            believe(context, server.place.certificate)
            with context.wrap_socket(raw) as connection:
                assert refused(connection, words) == b""
        else:
            # What TLS says to that is an alert; no byte of the frame is in it.
            assert len(refused(raw, words)) < 16
    assert server.statistics().frames == 0


def test_a_server_that_is_another_is_not_asked(
    slab: Slab, server: FrameServer, puller: Pullers, admitted: Passport
) -> None:
    place = server.place._replace(certificate=Passport().certificate)
    with pytest.raises(PeerLostError, match="certificate verify failed"):
        fetched(puller(admitted), place, lies_in(slab, 0, 100))
    # It is not tried again: the next time it would be the same one.
    assert server.statistics().frames == 0
    assert server.statistics().refused <= 1


@pytest.mark.parametrize("what", ["slab", "slot", "size"])
def test_what_is_not_shared_is_not_given(
    slab: Slab, target: Slab, server: FrameServer, puller: Pullers, admitted: Passport,
    monkeypatch: pytest.MonkeyPatch, what: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(direct, "PAUSE_SECONDS", 0)
    frame = lies_in(slab, 0, 100)
    asked = {
        "slab": frame._replace(slab=target.path.name),
        "slot": frame._replace(slot=slab.slots),
        "size": frame._replace(header=frame.header._replace(payload_bytes=SLOT_BYTES + 1)),
    }[what]
    with pytest.raises(PeerLostError):
        fetched(puller(admitted), server.place, asked)
    assert come_to(server, frames=0, refused=direct.ATTEMPTS_MAX)


def test_a_connection_that_broke_is_made_again(
    slab: Slab, server: FrameServer, puller: Pullers, admitted: Passport
) -> None:
    one = puller(admitted)
    frame = lies_in(slab, 0, SLOT_BYTES)
    first = fetched(one, server.place, frame)
    for connection in list(server._open):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    assert fetched(one, server.place, frame) == first
    assert come_to(server, frames=2)


def test_a_peer_that_is_gone_or_silent_is_lost_in_time(
    slab: Slab, puller: Pullers, server: FrameServer, admitted: Passport,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(direct, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(direct, "STALL_SECONDS_MAX", 0.05)
    frame = lies_in(slab, 0, 100)
    with socket.create_server((HOST, 0)) as silent:
        place = Place(HOST, silent.getsockname()[1], server.place.certificate)
        with pytest.raises(PeerLostError, match="timed out"):
            fetched(puller(admitted), place, frame)
    with pytest.raises(PeerLostError, match="refused"):
        fetched(puller(admitted), place, frame)


def test_strangers_who_say_nothing_are_few_and_do_not_stay(
    slab: Slab, server: FrameServer, puller: Pullers, admitted: Passport
) -> None:
    strangers = [
        socket.create_connection(server.place[:2], timeout=60) for _ in range(direct.STRANGERS_MAX)
    ]
    with socket.create_connection(server.place[:2], timeout=60) as one_more:
        assert one_more.recv(1) == b""
    assert come_to(server, refused=1)
    for stranger in strangers:
        stranger.close()
    assert fetched(puller(admitted), server.place, lies_in(slab, 0, 100))


def test_who_says_nothing_is_sent_away_in_time(
    server: FrameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "STRANGER_SECONDS_MAX", 0.05)
    with socket.create_connection(server.place[:2], timeout=60) as silent:
        assert silent.recv(1) == b""


def test_a_connection_over_which_nobody_asks_is_closed_and_made_again(
    slab: Slab, server: FrameServer, puller: Pullers, admitted: Passport,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    one, frame = puller(admitted), lies_in(slab, 0, 100)
    first = fetched(one, server.place, frame)
    with monkeypatch.context() as hasty:
        hasty.setattr(direct, "IDLE_SECONDS_MAX", 0.05)
        # The server looks at it when it has answered.
        assert fetched(one, server.place, frame) == first
        assert come_to(server, connections=0)
    assert one._connection is not None
    assert one._connection.recv(1) == b""
    assert fetched(one, server.place, frame) == first


def test_a_closed_server_ends_its_connections_and_listens_no_more(
    slab: Slab, server: FrameServer, puller: Pullers, admitted: Passport
) -> None:
    one = puller(admitted)
    fetched(one, server.place, lies_in(slab, 0, 100))
    server.close()
    assert one._connection is not None
    one._connection.settimeout(60)
    assert one._connection.recv(1) == b""
    server._accepting.join(timeout=60)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(server.place[:2], timeout=60)


def test_closing_ends_a_pull_that_is_under_way(slab: Slab, admitted: Passport) -> None:
    with socket.create_server((HOST, 0)) as listener, ThreadPoolExecutor(1) as answering:
        place = Place(HOST, listener.getsockname()[1], (peer := Passport()).certificate)
        context = peer.server_context()
        believe(context, admitted.certificate)
        one = FramePuller(admitted)

        def hear() -> None:
            raw, _ = listener.accept()
            with context.wrap_socket(raw, server_side=True) as connection:
                connection.recv(REQUEST.size)
                one.close()
                while connection.recv(1 << 16):
                    pass

        heard = answering.submit(hear)
        pulled = one.thread.submit(fetched, one, place, lies_in(slab, 0, 100))
        with pytest.raises(PeerLostError, match=r"(?s)^(?!.*timed out)"):
            pulled.result(timeout=60)
        with suppress(OSError):
            heard.result(timeout=60)


def test_a_port_that_is_taken_is_left_to_its_owner(
    server: FrameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = server.place.port
    assert first in direct.PORTS
    monkeypatch.setattr(direct, "PORTS", range(first, first + 1))
    other = FrameServer(Passport(), HOST, Slabs())
    assert other.place.port not in direct.PORTS
    other.close()
    with pytest.raises(OSError, match="assign"):
        FrameServer(Passport(), "192.0.2.1", Slabs())


def test_what_travels_of_a_passport_is_no_secret(server: FrameServer) -> None:
    passport = Passport()
    secret = passport._key.private_numbers().private_value.to_bytes(32, "big")
    assert secret in _key_in(passport._chain)
    told = pickle.dumps((server.place, passport.certificate))
    assert secret not in told
    assert b"PRIVATE" not in told


def _key_in(chain: bytes) -> bytes:
    _, _, text = chain.partition(b"-----BEGIN PRIVATE KEY-----")
    return base64.b64decode(text.partition(b"-----END")[0])


class _Peer:
    """A buffer's handle, as far as a sender needs it here."""

    def __init__(self, transports: Transports) -> None:
        self.passport = self
        self._transports = transports

    async def remote(self) -> bytes:
        return self._transports.passport().certificate


def test_a_frame_that_is_not_what_its_header_says_is_not_believed(
    slab: Slab, target: Slab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_nodes, "this_address", lambda: HOST)

    async def cross() -> None:
        sender, receiver = Transports(), Transports({EDGE.name: Transport.DIRECT})
        try:
            way_out = await sender.sending(EDGE, _Peer(receiver), slab)
            way_in = receiver.receiving(EDGE.name)
            frame = lies_in(slab, 1, SLOT_BYTES)
            here = await way_in.collect(frame, way_out.dispatch(frame), target, 2)
            assert (here.slab, here.slot, here.header) == (target.path.name, 2, frame.header)
            assert frame_digest(target.payload(2, SLOT_BYTES)) == frame.header.digest
            slab.slot(1)[7] ^= 1
            with pytest.raises(ProtocolError, match="damaged on its way"):
                await way_in.collect(frame, way_out.dispatch(frame), target, 2)
        finally:
            sender.close()
            receiver.close()

    asyncio.run(cross())


def test_bytes_over_an_edge_that_brings_none_are_a_fault_of_the_peer() -> None:
    with pytest.raises(ProtocolError, match="no bytes are expected over x"):
        Transports({"a -> b": Transport.DIRECT}).receiving("x")
