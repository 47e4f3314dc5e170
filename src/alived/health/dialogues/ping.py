"""PING_CHECK: one echo request of ICMP (RFC 792) by a ping socket; the probe makes one of ICMPv6 of it where needed.

The kernel fills in the identifier and the checksum and passes only answers to this socket. As keepalived: another type
or sequence number is a failure.
"""

from __future__ import annotations

import struct

from alived.health.dialogue import Step, verdict
from alived.health.dialogues.conversation import Conversation

HEADER = struct.Struct("!BBHHH")
"""Type, code, checksum, identifier, sequence number."""
PAYLOAD = (b"keepalived check - " * 7)[:128]
"""As long as keepalived's: a path that loses longer packets is seen."""
REQUEST, REPLY = 8, 0


class PingDialogue(Conversation):
    awaited = "echo reply"

    def __init__(self, sequence: int) -> None:
        """sequence: 0..65535."""
        self._sequence = sequence

    def begun(self) -> Step:
        return Step(send=HEADER.pack(REQUEST, 0, 0, 0, self._sequence) + PAYLOAD)

    def received(self, data: bytes) -> Step:
        if len(data) < HEADER.size:
            return verdict(False, f"the answer has {len(data)} octets and is none of ICMP")
        kind, code, _, _, sequence = HEADER.unpack_from(data)
        if kind != REPLY:
            return verdict(False, f"the answer is of ICMP type {kind}, code {code}: no echo reply")
        if sequence != self._sequence:
            return verdict(False, f"the echo reply has sequence number {sequence}, not {self._sequence}")
        return verdict(True, "the echo is answered")
