"""Asks servers with a prober and turns the loop until all answers are there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from alived.adapters.loop import Loop
from alived.adapters.probes import ProbeEnd, Prober, Undecided
from alived.base import NS_PER_S
from alived.health.dialogue import WAIT, Inquiry, Step, Transport, Verdict
from alived.health.dialogues.tcp import TcpDialogue

TIMEOUT_NS = 20 * NS_PER_S
"""Where no timeout is wanted"""


@contextlib.contextmanager
def prober(most_at_once: int | None = None) -> Iterator[Prober]:
    with contextlib.closing(Loop()) as loop, contextlib.closing(Prober(loop, most_at_once)) as made:
        yield made


def tcp(address: str, port: int, **more: Any) -> Inquiry:
    fields: dict[str, Any] = {"timeout_ns": TIMEOUT_NS, "dialogue": TcpDialogue(), "transport": Transport.STREAM}
    return Inquiry(**(fields | {"address": address, "port": port} | more))


def ask_all(prober: Prober, inquiries: Sequence[Inquiry]) -> list[ProbeEnd]:
    """In the order of the inquiries."""
    ends: dict[int, ProbeEnd] = {}
    for number, inquiry in enumerate(inquiries):
        prober.start(inquiry, lambda end, number=number: ends.setdefault(number, end))  # type: ignore[misc]
    while len(ends) < len(inquiries):
        prober.loop.turn()
    return [ends[number] for number in range(len(inquiries))]


def ask(inquiry: Inquiry) -> ProbeEnd:
    with prober() as one:
        return ask_all(one, [inquiry])[0]


def verdict(inquiry: Inquiry) -> Verdict:
    outcome = ask(inquiry).outcome
    assert isinstance(outcome, Verdict), outcome
    return outcome


def undecided(inquiry: Inquiry) -> str:
    outcome = ask(inquiry).outcome
    assert isinstance(outcome, Undecided), outcome
    return outcome.reason


class Listening:
    """A dialogue that says `opening` and takes what comes until `enough` octets are there."""

    def __init__(self, opening: bytes = b"", enough: int = 1 << 60, *, patient: bool = False) -> None:
        self.opening = opening
        self.enough = enough
        self.patient = patient
        self.heard = bytearray()
        self.pieces = 0

    def begun(self) -> Step:
        return Step(send=self.opening, patience=True)

    def secured(self) -> Step:
        return WAIT

    def received(self, data: bytes) -> Step:
        self.pieces += 1
        self.heard += data
        if len(self.heard) >= self.enough:
            return Step(verdict=Verdict(True, "enough"))
        return Step(patience=self.patient)

    def ended(self) -> Verdict:
        return Verdict(False, "ended")

    def broken(self, why: str) -> Verdict:
        return Verdict(False, f"broken: {why}")

    def timed_out(self) -> Verdict:
        return Verdict(False, "timed out")
