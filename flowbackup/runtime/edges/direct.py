"""Frames straight from the slot of one node into the slot of another, over TLS.

The receiver asks, when it has a slot to fill, and the sender answers with the bytes: nothing is
kept on the way, so memory stays what the plan says, and a connection that broke is made again and
asked again.  Who both are is settled by their passports.  For the same bytes Ray's object store
needs 1.6 times the processor time, 2.4 times where Ray has TLS, too; Arrow Flight with TLS 1.3
times (measure `nodes` of the bench).

A request: mark, length of the slab's name, slot, bytes; then the name.  The answer: the bytes.
"""

from __future__ import annotations

import errno
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

from flowbackup.errors import PeerLostError
from flowbackup.model.frame import FrameDescriptor
from flowbackup.runtime.edges.passport import Passport, believe
from flowbackup.runtime.edges.slab import Slabs

PORTS = range(10110, 10210)
"""The first free one of the node is listened at, so that a firewall can let them through."""
REQUEST = struct.Struct("<4sHIQ")
MARK = b"FBF1"
NAME_BYTES_MAX = 255
PIECE_BYTES = 1 << 20
"""So much is sent at once, and within one time limit."""
STRANGERS_MAX = 64
"""Connections that have not shown yet who they are; more are closed at once."""
STRANGER_SECONDS_MAX = 10.0
IDLE_SECONDS_MAX = 120.0
"""A connection over which nobody asks for so long is closed; who wants to ask again comes again."""
STALL_SECONDS_MAX = 30.0
"""A peer that neither takes nor sends a byte for so long is lost."""
ATTEMPTS_MAX = 5
PAUSE_SECONDS = 0.2
"""Before the third attempt; the second is made at once, because an old connection may just have
been closed for idleness.  Each further pause is longer by as much."""
CONNECTIONS_MAX = 256
"""Of those that were admitted; each edge has one."""


class Place(NamedTuple):
    """Where frames of a process can be asked for, and its certificate.  Nothing in it is secret."""

    host: str
    port: int
    certificate: bytes


@dataclass(frozen=True, slots=True)
class ServerStatistics:
    """refused: connections of strangers, and requests for what is not shared."""

    frames: int
    bytes_sent: int
    refused: int
    connections: int


class FrameServer:
    """Gives the frames of one process to those who were admitted.  `close` in the end."""

    def __init__(self, passport: Passport, host: str, slabs: Slabs) -> None:
        """host: the address of this node to listen at, and at no other."""
        self._slabs = slabs
        self._context = passport.server_context()
        self._admitted: set[bytes] = set()
        self._shared: set[str] = set()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._strangers = threading.BoundedSemaphore(STRANGERS_MAX)
        self._frames = self._bytes_sent = self._refused = 0
        self._closed = False
        self._listener = _listen(host)
        self.place = Place(host, self._listener.getsockname()[1], passport.certificate)
        self._accepting = _thread("frames-accept", self._accept)

    def admit(self, certificate: bytes) -> None:
        """Its holder may ask for frames from now on."""
        with self._lock:
            self._admitted.add(certificate)
            believe(self._context, certificate)

    def share(self, slab: str) -> None:
        """Frames of this slab may be asked for.  Raises PeerLostError if it is gone."""
        with self._lock:
            if slab not in self._shared:
                self._slabs.named(slab)
                self._shared.add(slab)

    def statistics(self) -> ServerStatistics:
        with self._lock:
            return ServerStatistics(
                self._frames, self._bytes_sent, self._refused, len(self._open)
            )  # fmt: skip

    def close(self) -> None:
        """Ends every connection, and waits for nobody.  Each thread closes what it waits in."""
        with self._lock:
            self._closed = True
            connections = list(self._open)
        for connection in (self._listener, *connections):
            _interrupt(connection)

    def _accept(self) -> None:
        with self._listener:
            while True:
                try:
                    raw, _ = self._listener.accept()
                except OSError:
                    if self._closed:
                        return
                    raise
                if self._strangers.acquire(blocking=False):
                    _thread("frames-send", self._meet, raw)
                else:
                    self._refuse(raw)

    def _meet(self, raw: socket.socket) -> None:
        """Who cannot show in time that he was admitted is sent away without a word."""
        try:
            connection = self._known(raw)
        except OSError:
            self._refuse(raw)
            return
        finally:
            self._strangers.release()
        try:
            while self._answer(connection):
                pass
        except OSError:
            # The one who asked sees it too, and he is the one who can tell what it means.
            pass
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _known(self, raw: socket.socket) -> ssl.SSLSocket:
        raw.settimeout(STRANGER_SECONDS_MAX)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = self._context.wrap_socket(raw, server_side=True)
        certificate = connection.getpeercert(binary_form=True)
        with self._lock:
            is_welcome = not self._closed and len(self._open) < CONNECTIONS_MAX
            if is_welcome and certificate in self._admitted:
                self._open.add(connection)
                return connection
        connection.close()
        raise ConnectionRefusedError("not admitted")

    def _answer(self, connection: ssl.SSLSocket) -> bool:
        """One request; False when there are no more."""
        connection.settimeout(IDLE_SECONDS_MAX)
        head = bytearray(REQUEST.size)
        if not _receive(connection, memoryview(head)):
            return False
        mark, name_bytes, slot, size_bytes = REQUEST.unpack(head)
        name = bytearray(min(name_bytes, NAME_BYTES_MAX))
        connection.settimeout(STALL_SECONDS_MAX)
        if mark != MARK or not _receive(connection, memoryview(name)):
            return self._refused_request()
        payload = self._payload(name.decode("utf-8", "replace"), slot, size_bytes)
        if payload is None:
            return self._refused_request()
        for begin in range(0, size_bytes, PIECE_BYTES):
            connection.sendall(payload[begin : begin + PIECE_BYTES])
        with self._lock:
            self._frames += 1
            self._bytes_sent += size_bytes
        return True

    def _payload(self, name: str, slot: int, size_bytes: int) -> memoryview | None:
        with self._lock:
            if name not in self._shared:
                return None
            slab = self._slabs.named(name)
        try:
            return slab.payload(slot, size_bytes)
        except IndexError:
            return None

    def _refused_request(self) -> bool:
        with self._lock:
            self._refused += 1
        return False

    def _refuse(self, raw: socket.socket) -> None:
        with self._lock:
            self._refused += 1
        raw.close()


class FramePuller:
    """Asks the senders of one edge for frames, one at a time, in a thread of its own."""

    def __init__(self, passport: Passport) -> None:
        self._passport = passport
        self._place: Place | None = None
        self._connection: ssl.SSLSocket | None = None
        self._closed = threading.Event()
        self.thread = ThreadPoolExecutor(1, "frames-receive")

    def pull(self, place: Place, frame: FrameDescriptor, target: memoryview) -> None:
        """Fills `target` with the frame's bytes; blocks.  What it holds is to be checked by the
        caller.  Raises PeerLostError."""
        name = frame.slab.encode()
        request = REQUEST.pack(MARK, len(name), frame.slot, target.nbytes) + name
        latest = time.monotonic() + STALL_SECONDS_MAX
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                self._ask(place, request, target)
                return
            except OSError as error:
                self._drop()
                is_hopeless = isinstance(error, ssl.SSLCertVerificationError)
                is_late = attempt == ATTEMPTS_MAX or time.monotonic() > latest
                if is_hopeless or is_late or self._closed.wait(PAUSE_SECONDS * (attempt - 1)):
                    raise _lost(place, frame, error) from error

    def close(self) -> None:
        """Also ends a pull that is under way."""
        self._closed.set()
        connection = self._connection
        if connection is not None:
            _interrupt(connection)
        self.thread.submit(self._drop)
        self.thread.shutdown(wait=False)

    def _ask(self, place: Place, request: bytes, target: memoryview) -> None:
        connection = self._connected(place)
        connection.sendall(request)
        if not _receive(connection, target):
            raise ConnectionResetError("the sender has closed the connection")

    def _connected(self, place: Place) -> ssl.SSLSocket:
        if self._connection is not None and self._place == place:
            return self._connection
        self._drop()
        context = self._passport.client_context(place.certificate)
        raw = socket.create_connection((place.host, place.port), timeout=STALL_SECONDS_MAX)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = context.wrap_socket(raw)
        self._place = place
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _receive(connection: ssl.SSLSocket, target: memoryview) -> bool:
    """Fills `target`; False if the peer has ended before."""
    done = 0
    while done < target.nbytes:
        count = connection.recv_into(target[done:])
        if not count:
            return False
        done += count
    return True


def _listen(host: str) -> socket.socket:
    """Where all ports are taken, at any: only a firewall would mind."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in (*PORTS, 0):
        try:
            return socket.create_server((host, port), family=family)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not port:
                raise
    raise AssertionError("port 0 is any free one")


def _interrupt(connection: socket.socket) -> None:
    """Ends what another thread waits for in it; that one closes it, so that its number is not given
    to something else meanwhile.  Past the TLS layer, which another thread must not touch."""
    try:
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        pass  # it is closed already


def _thread(name: str, work: Callable[..., None], *args: object) -> threading.Thread:
    thread = threading.Thread(target=work, args=args, name=name, daemon=True)
    thread.start()
    return thread


def _lost(place: Place, frame: FrameDescriptor, error: OSError) -> PeerLostError:
    return PeerLostError(
        f"frame {frame.header.frame_id} cannot be fetched from {place.host} port {place.port}: "
        f"{error}",
        remedy=f"let nodes reach each other's ports {PORTS[0]} to {PORTS[-1]}, or set `transport: "
        "object-store` in the graph",
    )
