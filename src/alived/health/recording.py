"""A dialogue that notes what is said, for an operator who wants to see it. Bounded: the beginning of each side."""

from __future__ import annotations

import enum

import msgspec

from alived.health.dialogue import Dialogue, Step, Verdict

KEPT_PIECES = 40
KEPT_OCTETS = 2000
"""Of each piece."""


class Side(enum.StrEnum):
    SENT = "sent"
    HEARD = "heard"
    HAPPENED = "happened"


class Said(msgspec.Struct, frozen=True):
    """data: the beginning of it, or for `HAPPENED` a sentence."""

    side: Side
    data: bytes
    octets: int
    """In all"""


class Recording:
    """A dialogue around another one. begins: what it means that it can begin; datagrams have no connection."""

    def __init__(self, dialogue: Dialogue, begins: str = "connected") -> None:
        self._dialogue = dialogue
        self._begins = begins
        self.pieces: list[Said] = []
        self.left_out = 0
        """Pieces that came when there were enough."""

    def begun(self) -> Step:
        self._happened(self._begins)
        return self._step(self._dialogue.begun())

    def received(self, data: bytes) -> Step:
        self._note(Side.HEARD, data)
        return self._step(self._dialogue.received(data))

    def secured(self) -> Step:
        self._happened("the TLS handshake is done")
        return self._step(self._dialogue.secured())

    def ended(self) -> Verdict:
        self._happened("the server sends no more")
        return self._dialogue.ended()

    def broken(self, why: str) -> Verdict:
        self._happened(why)
        return self._dialogue.broken(why)

    def timed_out(self) -> Verdict:
        self._happened("the time is over")
        return self._dialogue.timed_out()

    def _step(self, step: Step) -> Step:
        if step.send:
            self._note(Side.SENT, step.send)
        return step

    def _happened(self, what: str) -> None:
        self._note(Side.HAPPENED, what.encode())

    def _note(self, side: Side, data: bytes) -> None:
        if len(self.pieces) < KEPT_PIECES:
            self.pieces.append(Said(side, data[:KEPT_OCTETS], len(data)))
        else:
            self.left_out += 1
