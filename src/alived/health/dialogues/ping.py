"""PING_CHECK: one echo request of ICMP (RFC 792) or ICMPv6 (RFC 4443) by a ping socket.

The kernel fills in the identifier and the checksum and passes only answers to this socket. As keepalived: another type
or sequence number is a failure.
"""

from __future__ import annotations

import struct

from alived.base import Family
from alived.health.config import PingCheck
from alived.health.dialogue import Step, verdict
from alived.health.dialogues.conversation import Conversation

HEADER = struct.Struct("!BBHHH")
"""Type, code, checksum, identifier, sequence number."""
PAYLOAD = (b"keepalived check - " * 7)[:128]
"""As long as keepalived's: a path that loses longer packets is seen."""
REQUEST = {Family.IPV4: 8, Family.IPV6: 128}
REPLY = {Family.IPV4: 0, Family.IPV6: 129}


class PingDialogue(Conversation):
    awaited = "echo reply"

    def __init__(self, check: PingCheck, sequence: int) -> None:
        """sequence: 0..65535. connect_ip is numeric: the two families have different requests."""
        self._family = Family.IPV6 if ":" in check.connect_ip else Family.IPV4
        self._sequence = sequence

    def begun(self) -> Step:
        return Step(send=HEADER.pack(REQUEST[self._family], 0, 0, 0, self._sequence) + PAYLOAD)

    def received(self, data: bytes) -> Step:
        if len(data) < HEADER.size:
            return verdict(False, f"the answer has {len(data)} octets and is none of ICMP")
        kind, code, _, _, sequence = HEADER.unpack_from(data)
        if kind != REPLY[self._family]:
            return verdict(False, f"the answer is of ICMP type {kind}, code {code}: no echo reply")
        if sequence != self._sequence:
            return verdict(False, f"the echo reply has sequence number {sequence}, not {self._sequence}")
        return verdict(True, "the echo is answered")
