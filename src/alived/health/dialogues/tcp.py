"""TCP_CHECK: success is a connection (and a TLS handshake, if the probe makes one). Nothing is said."""

from __future__ import annotations

from alived.health.config import TcpCheck
from alived.health.dialogue import Step, Verdict, verdict


class TcpDialogue:
    """Over as soon as it has begun."""

    def begun(self) -> Step:
        return verdict(True, "connected")

    def received(self, data: bytes) -> Step:
        raise AssertionError("the verdict was there before")

    def secured(self) -> Step:
        raise AssertionError("it asks for no TLS")

    def ended(self) -> Verdict:
        raise AssertionError("the verdict was there before")

    def broken(self, why: str) -> Verdict:
        return Verdict(False, why)

    def timed_out(self) -> Verdict:
        raise AssertionError("the verdict was there before")


def dialogue(_check: TcpCheck) -> TcpDialogue:
    return TcpDialogue()
