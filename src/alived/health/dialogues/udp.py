"""UDP_CHECK: a datagram; silence is a success unless a reply is required, an ICMP error is a failure.

As keepalived: any reply ends the wait. What it says counts only if the check names its first octets; only then its
length counts too, and of a reply that is shorter than they are, what is there is compared.
"""

from __future__ import annotations

from alived.health.config import UdpCheck
from alived.health.dialogue import Step, Verdict, verdict
from alived.health.dialogues.conversation import Conversation

PAYLOAD = b"keepalived check - keepalived ch"
"""Of a check that names none (keepalived's)."""
SHOWN = 16
"""Octets of a wrong reply in a reason."""


class UdpDialogue(Conversation):
    awaited = "reply"

    def __init__(self, check: UdpCheck) -> None:
        self._check = check

    def begun(self) -> Step:
        return Step(send=self._check.payload or PAYLOAD)

    def received(self, data: bytes) -> Step:
        check = self._check
        if not check.require_reply or not check.reply:
            return verdict(True, f"a reply of {len(data)} octets")
        if not check.min_reply_length <= len(data) <= check.max_reply_length:
            bounds = f"{check.min_reply_length} to {check.max_reply_length}"
            return verdict(False, f"the reply has {len(data)} octets, not {bounds}")
        if any((said ^ due) & mask for said, due, mask in zip(data, check.reply, check.reply_mask)):
            return verdict(False, f"the reply begins with {data[:SHOWN].hex(' ')}")
        return verdict(True, f"the right reply of {len(data)} octets")

    def timed_out(self) -> Verdict:
        if self._check.require_reply:
            return super().timed_out()
        return Verdict(True, "no error came back")
