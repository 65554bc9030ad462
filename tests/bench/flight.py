"""Arrow Flight as a transport, to be measured beside ours: with TLS and a token, as it would be
used.  The receiver asks for a slot and copies what comes into its own."""

from __future__ import annotations

import asyncio
import secrets
from functools import partial
from typing import NamedTuple

import pyarrow as pa
import pyarrow.flight as flight

from flowbackup.model.digest import frame_digest
from flowbackup.model.frame import FrameDescriptor
from flowbackup.runtime.edges.slab import Slab
from tests.bench.certificate import NAME, certificate

SCHEMA = pa.schema([("bytes", pa.uint8())])
HEADER = "authorization"
CALL_SECONDS_MAX = 30


class FlightPlace(NamedTuple):
    port: int
    certificate: bytes
    token: str


class _Token(flight.ServerMiddlewareFactory):
    def __init__(self, token: str) -> None:
        self._token = token

    def start_call(self, info: object, headers: dict[str, list[str]]) -> None:
        if not secrets.compare_digest(headers.get(HEADER, [""])[0], self._token):
            raise flight.FlightUnauthenticatedError("wrong token")


class _Server(flight.FlightServerBase):
    def __init__(self, slab: Slab, chain: tuple[bytes, bytes], token: str) -> None:
        super().__init__(
            "grpc+tls://127.0.0.1:0", tls_certificates=[chain], middleware={"token": _Token(token)}
        )
        self._slab = slab

    def do_get(self, context: object, ticket: flight.Ticket) -> flight.RecordBatchStream:
        slot, size_bytes = map(int, ticket.ticket.split())
        # One message for a frame: smaller ones cost more.
        column = pa.Array.from_buffers(
            pa.uint8(), size_bytes, [None, pa.py_buffer(self._slab.payload(slot, size_bytes))]
        )
        batch = pa.RecordBatch.from_arrays([column], schema=SCHEMA)
        return flight.RecordBatchStream(pa.RecordBatchReader.from_batches(SCHEMA, [batch]))


class FlightSender:
    """See SendingTransport."""

    copies = True

    def __init__(self, slab: Slab) -> None:
        chain, token = certificate(), secrets.token_hex(32)
        self._server = _Server(slab, chain, token)
        self._place = FlightPlace(self._server.port, chain[0], token)

    def dispatch(self, frame: FrameDescriptor) -> tuple[object, ...]:
        return (self._place,)


class FlightReceiver:
    """See ReceivingTransport."""

    def __init__(self) -> None:
        self._client: flight.FlightClient | None = None

    async def collect(
        self, frame: FrameDescriptor, refs: tuple[object, ...], slab: Slab, slot: int
    ) -> FrameDescriptor:
        await asyncio.to_thread(partial(self._fetch, refs[0], frame, slab, slot))
        return frame._replace(slab=slab.path.name, slot=slot)

    def _fetch(self, place: FlightPlace, frame: FrameDescriptor, slab: Slab, slot: int) -> None:
        if self._client is None:
            self._client = flight.FlightClient(
                f"grpc+tls://127.0.0.1:{place.port}", tls_root_certs=place.certificate,
                override_hostname=NAME,
            )  # fmt: skip
        size_bytes = frame.header.payload_bytes
        options = flight.FlightCallOptions(
            timeout=CALL_SECONDS_MAX, headers=[(HEADER.encode(), place.token.encode())]
        )
        ticket = flight.Ticket(f"{frame.slot} {size_bytes}".encode())
        reader = self._client.do_get(ticket, options)
        target = slab.payload(slot, size_bytes)
        target[:] = memoryview(reader.read_chunk().data.column(0).buffers()[1]).cast("B")
        if frame_digest(target) != frame.header.digest:
            raise RuntimeError("damaged")
