"""Keys: what a repository's secret is made into, and who needs which of it.

The **repository key** is 32 random bytes; who has it reads everything.  The **writer key**, which
is made from it, writes and names chunks, and reads nothing: what it seals only the repository key
opens.  Every writer of every session has a **frame key** of its own, agreed between a key pair that
it makes for that and forgets (X25519) and the public half of the repository key.  The secret of
writers goes into it, too: without that, whoever reads the public half off a medium could make
frames that open.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
KEY_ID_BYTES = 16


def derived(secret: bytes, purpose: str, salt: bytes = b"") -> bytes:
    """32 bytes for one purpose, by HKDF with SHA-256.  Who has them learns nothing of the secret,
    nor of what is derived for others."""
    info = f"flowbackup {purpose} 1".encode()
    return HKDF(SHA256(), KEY_BYTES, salt or None, info).derive(secret)


def key_id_of(public: bytes) -> bytes:
    """By which a key is called where everybody may see it."""
    return hashlib.sha256(public).digest()[:KEY_ID_BYTES]


@dataclass(frozen=True, slots=True)
class WriterKey:
    """The right to write.  public: half of the repository key.  slots: the repository key, wrapped,
    which goes with every frame, so that media and a passphrase are enough."""

    public: bytes
    secret: bytes = field(repr=False)
    slots: bytes = field(repr=False)

    @property
    def key_id(self) -> bytes:
        return key_id_of(self.public)

    @property
    def name_key(self) -> bytes:
        """With which the names of chunks are made."""
        return derived(self.secret, "chunk names")

    def new_frame_key(self, session: bytes) -> tuple[bytes, bytes]:
        """A frame key that nobody else has, and the share with which `RepositoryKey.frame_key`
        finds it."""
        own = X25519PrivateKey.generate()
        share = own.public_key().public_bytes_raw()
        agreed = own.exchange(X25519PublicKey.from_public_bytes(self.public))
        return _frame_key(agreed, self.secret, session, share), share


@dataclass(frozen=True, slots=True)
class RepositoryKey:
    """The right to read, and to write."""

    secret: bytes = field(repr=False)

    @property
    def public(self) -> bytes:
        return self._pair.public_key().public_bytes_raw()

    @property
    def key_id(self) -> bytes:
        return key_id_of(self.public)

    def writer(self, slots: bytes) -> WriterKey:
        """See WriterKey."""
        return WriterKey(self.public, self._writer_secret, slots)

    @property
    def name_key(self) -> bytes:
        """See WriterKey."""
        return derived(self._writer_secret, "chunk names")

    def frame_key(self, session: bytes, share: bytes) -> bytes:
        """The key of the frames with this share.  Raises ValueError for one that cannot be."""
        agreed = self._pair.exchange(X25519PublicKey.from_public_bytes(share))
        return _frame_key(agreed, self._writer_secret, session, share)

    @property
    def _pair(self) -> X25519PrivateKey:
        return X25519PrivateKey.from_private_bytes(derived(self.secret, "reading"))

    @property
    def _writer_secret(self) -> bytes:
        return derived(self.secret, "writing")


def _frame_key(agreed: bytes, writer_secret: bytes, session: bytes, share: bytes) -> bytes:
    return derived(agreed + writer_secret, "frames", session + share)
