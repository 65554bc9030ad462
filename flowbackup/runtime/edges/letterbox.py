"""How a secret comes to an actor, whose arguments Ray keeps where others may read them: sealed, for
a key that its process has made and that never leaves it."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from flowbackup.errors import ProtocolError
from flowbackup.frame.keys import KEY_BYTES, derived

_NONCE = bytes(12)
"""Each letter has a key of its own."""


class Letterbox:
    """address: who knows it can send a letter."""

    def __init__(self) -> None:
        self._own = X25519PrivateKey.generate()
        self.address = self._own.public_key().public_bytes_raw()

    def opened(self, letter: bytes) -> bytes:
        """What was sent.  Raises ProtocolError."""
        try:
            share = X25519PublicKey.from_public_bytes(letter[:KEY_BYTES])
            key = _key(self._own.exchange(share), letter[:KEY_BYTES], self.address)
            return AESGCM(key).decrypt(_NONCE, letter[KEY_BYTES:], None)
        except (InvalidTag, ValueError) as error:
            raise ProtocolError("a letter came that was not sealed for this process") from error


def letter_to(address: bytes, secret: bytes) -> bytes:
    """A letter that only the process with this address opens."""
    own = X25519PrivateKey.generate()
    share = own.public_key().public_bytes_raw()
    key = _key(own.exchange(X25519PublicKey.from_public_bytes(address)), share, address)
    return share + AESGCM(key).encrypt(_NONCE, secret, None)


def _key(agreed: bytes, share: bytes, address: bytes) -> bytes:
    return derived(agreed, "letters", share + address)
