"""Who a process of a session is to those of other nodes: a key and a certificate, made for it.

The key never leaves the memory of its process; only certificates travel, in calls of actors, and
everybody may read those.  Each side knows exactly whom it talks to, and believes nobody else, so
there is no secret that an argument, a log or a store of Ray's could tell.
"""

from __future__ import annotations

import datetime as dt
import os
import secrets
import ssl
from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

CLOCKS_DIFFER = dt.timedelta(days=2)
"""What the clocks of two nodes may differ without one finding the other's certificate not valid."""
VALID_DAYS = dt.timedelta(days=366)
"""Longer than any session: it is worth nothing when its process has ended."""


class Passport:
    """Made when a process first needs it.  certificate: DER, for those it talks to."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        certificate = _signed(self._key)
        self.certificate = certificate.public_bytes(Encoding.DER)
        self._chain = certificate.public_bytes(Encoding.PEM) + self._key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )

    def server_context(self) -> ssl.SSLContext:
        """Talks to nobody; whom `believe` was called for is let in."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # Who resumes a session shows no certificate again, and connections are few and long.
        context.num_tickets = 0
        return self._prepared(context, ())

    def client_context(self, peer: bytes) -> ssl.SSLContext:
        """Talks to the holder of this certificate and to nobody else, whatever its address is."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        return self._prepared(context, (peer,))

    def _prepared(self, context: ssl.SSLContext, peers: Iterable[bytes]) -> ssl.SSLContext:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED
        # Python loads a key from a file only: this one has no name and lies in memory.
        fd = os.memfd_create("passport", os.MFD_CLOEXEC)
        try:
            os.write(fd, self._chain)
            context.load_cert_chain(f"/proc/self/fd/{fd}")
        finally:
            os.close(fd)
        for peer in peers:
            believe(context, peer)
        return context


def believe(context: ssl.SSLContext, certificate: bytes) -> None:
    """The holder of this certificate is one that may be talked to."""
    context.load_verify_locations(cadata=certificate)


def _signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """By itself, under a name that no other has: certificates are looked up by name."""
    name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, f"flowbackup {secrets.token_hex(16)}")]
    )
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER)
        .not_valid_after(now + VALID_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
